"""Training: a loop that yields events."""
