"""DDNMF Studio's dashboard: `streamlit run dashboard/app.py`."""

import os

import streamlit as st

from dashboard.access import guards

# Pages compute one sample at a time. Several threads would spin while they wait for each other, and the browser beside them
# would wait for the cores. It has to be said before torch is loaded; the engine has threads of its own.
os.environ.setdefault("OMP_NUM_THREADS", "1")
app = st.App("main.py", middleware=guards())
