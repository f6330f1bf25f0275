"""Any long job over a data set: what it has done, how far it is, and what it waits for."""
