"""What happened, as data first and as text second."""
