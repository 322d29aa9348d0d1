"""The Parts page."""
