"""The connections of one database on one event loop: of a file, or of a server."""
