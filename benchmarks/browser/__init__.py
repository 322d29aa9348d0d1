"""Timings in a real browser."""
