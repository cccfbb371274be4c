"""The worker: a supervisor, its processes, and what follows from the end of each attempt (`outcome`: retry or give up)."""
