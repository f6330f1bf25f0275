"""What a job is about: the tasks of a project, or the images of a folder."""
