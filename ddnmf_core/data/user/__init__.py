"""User data: read files and folders, check and scale them, keep them in the store."""
