"""Promises about types, read by the type checker only."""
