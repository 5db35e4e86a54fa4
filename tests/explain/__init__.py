"""Tests of what explains a system."""
