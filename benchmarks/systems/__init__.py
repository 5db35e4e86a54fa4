"""The same task that does nothing, in this framework and in others: workers, and who sends to them.

Each module named ``in_..`` is one system. Its worker process imports it, and so does the process
that sends; the benchmark itself does not. It has ``open``, ``close``, ``one(kind)``, which sends a
call, and ``bulk(kind, count)``, the fastest way to send many; all are coroutine functions.
``LOOP`` says what they run in: asyncio or twisted.
"""
