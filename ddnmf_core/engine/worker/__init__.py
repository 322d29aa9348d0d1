"""Tasks of a worker: train and score a run, then embed, cluster or interpret it."""
