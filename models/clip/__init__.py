"""CLIP and SigLIP: how well candidates describe an image or a crop of it."""
