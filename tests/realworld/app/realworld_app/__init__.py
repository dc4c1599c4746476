"""Small applications on real frameworks, servers and databases."""
