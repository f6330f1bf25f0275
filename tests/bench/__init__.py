"""Benchmarks: ratios measured in one run, against alternatives that the run measures too."""
