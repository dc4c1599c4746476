"""What the plugin costs and what it finds: measured by command, never by a test."""
