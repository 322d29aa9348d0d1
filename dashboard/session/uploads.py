"""Files that forms take: their endings and their size."""

UPLOAD_TYPES = ["zip", "tif", "tiff", "gif", "npy", "npz", "mat", "h5", "hdf5", "hdf", "idx", "gz"]
UPLOAD_TYPES += ["csv", "tsv", "txt", "xlsx", "mtx", "parquet", "h5ad"]
MAX_UPLOAD_MB = 500  # of an upload; a path has no limit
