"""How queue, workers and courier stand, and whether all is well."""
