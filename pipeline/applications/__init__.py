"""Applications: what holds your code."""
