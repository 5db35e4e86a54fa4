"""The tests, laid out as pipeline/ is: ``pipeline/a/b.py`` is tested by ``tests/a/test_b.py``."""
