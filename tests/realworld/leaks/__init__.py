"""Applications with a leak, written as their authors would have."""
