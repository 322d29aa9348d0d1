"""DDNMF Studio's dashboard: `streamlit run dashboard/app.py`."""

import os
import sys
from pathlib import Path

import streamlit as st

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # `dashboard` lies there: in the source tree or in a wheel

from dashboard.access import guards
from ddnmf_core.files.home import default_root, exposure

# Pages compute one sample at a time: more threads would spin on each other and keep cores from the browser.
# Set before torch is loaded; the engine has its own threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
if warning := exposure(default_root()):
    print(f"WARNING: {warning}", file=sys.stderr, flush=True)
app = st.App("main.py", middleware=guards())
