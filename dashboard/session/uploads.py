"""Files that forms take: their endings and their size."""

UPLOAD_TYPES = ["zip", "tif", "tiff", "gif", "npy", "npz", "mat", "idx", "gz", "csv", "tsv", "txt", "xlsx", "mtx", "parquet"]
MAX_UPLOAD_MB = 500  # of an upload; a path has no limit
