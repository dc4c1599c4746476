"""How does a process develop while a session of tests runs in it, with each test run once?"""
