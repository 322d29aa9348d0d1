"""Files that forms take: their endings, their size, and why one is refused."""

import streamlit as st

from ddnmf_core.data.dataset import DataError
from ddnmf_core.display.text import in_markdown

UPLOAD_TYPES = ["zip", "tif", "tiff", "gif", "npy", "npz", "mat", "h5", "hdf5", "hdf", "idx", "gz"]
UPLOAD_TYPES += ["csv", "tsv", "txt", "data", "dat", "xlsx", "mtx", "parquet", "h5ad", "loom"]
MAX_UPLOAD_MB = 500  # of an upload; a path has no limit


def show_refusal(error: DataError) -> None:
    """Show in a sentence why data are refused."""
    st.warning(in_markdown(f"{str(error)[:1].upper()}{str(error)[1:]}."), icon=":material/warning:")
