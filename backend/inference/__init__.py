"""Models at work: loaded, fed with batches of images, their outputs kept. No Redis, no RQ."""
