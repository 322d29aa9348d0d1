"""What a worker does with one entry: train and score a run, map, cluster or interpret it."""
