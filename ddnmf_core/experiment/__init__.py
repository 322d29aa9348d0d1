"""Experiments and sweeps: plan runs over settings and seeds, compute them, tabulate the scores."""
