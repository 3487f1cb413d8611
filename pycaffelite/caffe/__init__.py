"""The pycaffe-compatible face."""
