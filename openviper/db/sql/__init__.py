"""From an immutable query to SQL text, parameters and the function that turns rows into instances."""
