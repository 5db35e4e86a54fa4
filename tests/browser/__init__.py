"""What is served to browsers, and tests of it in a real one."""
