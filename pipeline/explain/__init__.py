"""What a configuration does with a message, without running it: chains, a picture, mistakes.

``prepared`` makes the workers, ready to run but for their queues; ``explanation`` reads off them
what passes what, as the values of ``views``; ``source``, ``guessing`` and ``effects`` know a hook.
In ``trace`` a message is tried out in workers like these.
"""
