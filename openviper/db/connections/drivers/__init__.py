"""Talking to databases: connections, statements, rows. No SQL is made here."""
