"""The only thing that runs: flat tuples of steps."""
