"""Timings of training."""
