"""What each layer type means: one file a type."""
