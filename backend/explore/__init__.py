"""What a set of images holds: copies, clusters, gaps, outliers, quality, drift and a map of it.

Each question has a module of pure functions over plain arrays: vectors of length 1, float32, shape
(images, width), hashes as uint64, and records. What they give is ranked, with a reason in words. Nothing here
reads a store, asks a model, or writes anything but the findings.
"""
