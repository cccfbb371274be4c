"""What `check` looks at: one module per group, each a function that returns findings."""
