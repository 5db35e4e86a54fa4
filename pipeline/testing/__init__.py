"""Helpers for tests of what is built with pipeline, and the suites that its parts must pass.

Importing this package imports none of them.
"""
