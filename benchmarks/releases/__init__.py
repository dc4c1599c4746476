"""Are the leaks of published releases caught, and do the releases pass that fixed them?"""
