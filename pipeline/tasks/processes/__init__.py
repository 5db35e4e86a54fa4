"""Tasks in processes of their own: ``isolation="process"``.

A pool of children is kept warm, each with one task at a time. What ends a child, as a segmentation
fault, ends the call that it had, and nothing else.
"""
