"""Figures: arrays or frames in, Plotly figures and files out."""
