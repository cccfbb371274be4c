"""The parts of the `console` command."""
