"""The archive format of backups."""
