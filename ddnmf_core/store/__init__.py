"""The run store: a folder for each configuration, checked when read, with trash, repair and archives."""
