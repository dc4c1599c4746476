"""How often is a verdict right? Recall, precision and stability on specimens with known answers."""
