"""The model: networks (equations 1 and 3), corruption (2), losses (4 to 7), training (8, Algorithm 1)."""
