"""Firstpass's models: Florence-2 and CLIP behind queries and plain results.

Nothing here knows Label Studio, Redis, RQ, HTTP or XML. `types` is the vocabulary shared with `backend`.
"""
