"""Backup and restore of databases: engines, archive, sidecar, retention."""
