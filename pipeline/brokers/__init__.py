"""Where messages wait: the memory broker, Redis, and a private server.

Importing this package imports none of them.
"""
