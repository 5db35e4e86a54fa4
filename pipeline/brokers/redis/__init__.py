"""The Redis broker and what it is made of.

Importing this package imports nothing else: :mod:`.client` alone imports txredisapi, which
installs the reactor.
"""
