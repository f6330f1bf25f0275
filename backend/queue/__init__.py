"""The queue between the web process and the workers: RQ jobs, one per image, taken in batches."""
