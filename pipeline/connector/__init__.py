"""What a worker reads from and publishes to, and where outcomes become true.

``connector`` is the part that workers see. ``flow`` admits deliveries and lets go of them,
``handling`` runs one, ``publishing`` puts messages on queues, ``reading`` and ``settling`` face the
broker, ``ordered`` and ``lanes`` keep order, ``posting`` writes the next attempt and the dead
letter, ``pressure`` knows what to do when a queue is full.
"""

from pipeline.connector.connector import Connector

__all__ = ["Connector"]
