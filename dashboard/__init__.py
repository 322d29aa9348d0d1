"""The dashboard: what pages share, figures and own widgets. Pages are in `pages/`."""
