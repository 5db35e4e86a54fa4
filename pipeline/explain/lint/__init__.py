"""Mistakes in a configuration that is accepted: each rule has a name, and looks for one.

``rules`` says what a rule and a finding are; ``order``, ``pairs``, ``wiring``, ``endpoints``,
``retries`` and ``entries`` have the rules; ``run`` applies them, ``ignoring`` leaves out what the
file itself says shall be.
"""
