"""Data sets: five built-in ones, and user data in `user`."""
