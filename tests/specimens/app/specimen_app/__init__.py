"""A make-believe shop backend, in parts that can each be used carefully or carelessly.

The modules keep things in every kind of place a real application does. Whether that is a leak is
up to the test that drives them: ``leaks/`` forgets the second half of a protocol, ``innocents/``
completes it or uses the sound variant next door.
"""
