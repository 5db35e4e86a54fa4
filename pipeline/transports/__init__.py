"""Transports: what faces the world."""
