"""Widgets of our own, for what Streamlit's do not do."""
