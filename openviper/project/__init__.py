"""Which project am I in: its settings module, the target of a command, its installed apps, its source."""
