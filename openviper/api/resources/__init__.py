"""Resources: the routes that list, make, read, change and delete the rows of a model."""
