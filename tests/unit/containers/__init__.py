"""The files of docker/: compose, images, .env."""
