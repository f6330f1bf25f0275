"""A Label Studio project and Firstpass together: connecting, looking for trouble, following, tidying up."""
