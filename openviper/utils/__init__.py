"""Small helpers, each module named by its noun."""
