"""The engine: turn the store's requests into tasks of dask's workers."""
