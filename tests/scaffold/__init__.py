"""Tests of the project to start from."""
