"""Order across real processes that fail, hang and die."""
