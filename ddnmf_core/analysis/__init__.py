"""Analysis of codes: clusters and their scores (equations 17 to 19), maps, shallow baselines."""
