"""Data patches that `migrate` runs once per database."""
