"""Where messages wait: one module per kind of store."""
