"""What leak checking costs: checked tests against the same tests merely repeated."""
