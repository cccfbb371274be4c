"""Models, queries, connections and schema."""
