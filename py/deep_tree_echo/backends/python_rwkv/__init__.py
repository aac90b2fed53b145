"""The backend in NumPy alone: the same mathematics as libecho, where that cannot run."""
