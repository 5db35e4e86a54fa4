"""Watching a system work, at no cost while nobody does."""
