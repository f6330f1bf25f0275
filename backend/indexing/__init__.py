"""Fills an index: which images of a project or a folder are new or changed, and what is asked of them."""
