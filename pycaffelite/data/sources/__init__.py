"""The formats that records are kept in."""
