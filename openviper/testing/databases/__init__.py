"""The databases of tests: their names, how they are made, and what keeps tests apart."""
