"""The contract that every layer must pass, for ours and for yours."""
