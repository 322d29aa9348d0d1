"""The user's own data: files and folders read, checked, scaled and kept in the store."""
