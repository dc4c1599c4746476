"""Tests that leak on every run (or every second or third, as their names say); see labels.toml."""
