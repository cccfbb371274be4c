"""Functions of the database, each one class: subclass `Func` to add one."""
