"""Custom widgets that Streamlit lacks."""
