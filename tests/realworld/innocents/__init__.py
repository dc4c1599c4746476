"""The same applications with the leak mended, and others that only look as if they leaked."""
