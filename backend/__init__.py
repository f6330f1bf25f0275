"""Firstpass: a Label Studio ML backend that pre-annotates images with Florence-2 and CLIP."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("firstpass")
