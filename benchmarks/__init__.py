"""Benchmarks: `python -m benchmarks NAME` runs one; its module states the reference and the target."""
