"""Putting a backup back."""
