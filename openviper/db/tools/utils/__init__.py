"""Names, metadata and input checks of backups."""
