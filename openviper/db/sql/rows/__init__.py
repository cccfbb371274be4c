"""Generated code between rows and instances."""
