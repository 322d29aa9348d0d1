"""Timings of clustering, maps and interpretations."""
