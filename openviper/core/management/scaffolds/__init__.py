"""Generating projects, apps and commands from the template files beside this module."""
