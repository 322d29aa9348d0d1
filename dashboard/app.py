"""DDNMF Studio's dashboard: `streamlit run dashboard/app.py`."""

import streamlit as st

from dashboard.access import guards

app = st.App("main.py", middleware=guards())
