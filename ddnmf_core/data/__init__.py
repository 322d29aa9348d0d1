"""Data sets: the five that come with the project, and the user's own in `user`."""
