"""Making a backup: one engine per database, and the run that turns its dump into a result file with a sidecar."""
