"""Where caches keep their entries: `base` is the contract, each other module one kind of store."""
