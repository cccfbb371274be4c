"""Tests of sessions with what keeps them."""
