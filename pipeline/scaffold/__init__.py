"""A project to start from: ``names`` checks what it may be called, ``project`` writes it."""
