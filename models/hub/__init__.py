"""The model hub and its cache on this disk: what is here, and fetching what is not.

`cache` finds a model without network; `pull` alone asks the hub, and only when it is called.
"""
