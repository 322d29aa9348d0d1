"""Sets of picture files: their gray values, their classes and what is said about them."""
