"""Text and bytes to messages and back; no arrays, no layers."""
