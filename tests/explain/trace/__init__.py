"""Tests of the trace of a message."""
