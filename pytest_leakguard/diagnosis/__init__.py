"""Why does a test leak: who holds what, where is it allocated, and what keeps it from going?"""
