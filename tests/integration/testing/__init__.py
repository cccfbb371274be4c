"""The testing kit in projects of its own, each run by pytest in a process of its own."""
