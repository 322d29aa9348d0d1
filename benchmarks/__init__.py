"""Timed figures. `python -m benchmarks NAME` measures one; each module says what, and against what reference."""
