"""How is a test run for a long time, to see what leaks rarely, slowly or under load only?"""
