"""The experiment with neighbouring slices as input (2.5-D)."""
