"""Tests that retain nothing for good, however much they look as if they did; all must pass."""
