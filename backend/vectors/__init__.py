"""Where the vectors of a project's images and of what is in them are kept, and how they are found again."""
