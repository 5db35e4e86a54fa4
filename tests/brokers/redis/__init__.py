"""Tests of the Redis broker, against real servers."""
