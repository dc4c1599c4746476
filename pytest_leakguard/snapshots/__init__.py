"""What is a heap made of, at one moment, and what has changed until another one?"""
