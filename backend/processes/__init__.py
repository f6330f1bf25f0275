"""The processes themselves: what each puts together and runs, and who starts and ends them."""
