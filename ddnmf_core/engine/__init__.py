"""The process that trains: requests from the store become tasks of dask's workers."""
