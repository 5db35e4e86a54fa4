"""Tests of the helpers for tests."""
