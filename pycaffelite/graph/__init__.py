"""From a message to the wired layers of one phase."""
