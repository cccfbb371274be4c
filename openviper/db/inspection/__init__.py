"""From an existing database to the models that describe it."""
