"""Where a task's image is, how its bytes are fetched safely, and how they become an upright RGB image."""
