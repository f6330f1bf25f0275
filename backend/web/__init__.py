"""The HTTP face of Firstpass: Label Studio's ML-backend routes, health and metrics."""
