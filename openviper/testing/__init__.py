"""Helpers for testing OpenViper applications."""
