"""Profiles of leaking tests: what some more runs take and do not give back, in files to look at."""
