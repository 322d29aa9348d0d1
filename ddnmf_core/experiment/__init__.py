"""A whole experiment from one file: what is trained, over which settings and seeds, what is clustered, and the scores."""
