"""A Label Studio beside Firstpass on one machine, filled with generated images whose truth is known."""
