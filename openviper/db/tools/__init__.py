"""Backup and restore: engines, archive, metadata."""
