"""What to ask for a task, and its prediction from the answers. Pure: no I/O, no queue."""
