"""What every broker promises, as tests.

Mix :class:`BrokerContract` into a :class:`twisted.trial.unittest.TestCase` and say how your broker
is made, and how time passes for it::

    class MyBroker(BrokerContract, TestCase):
        async def make_broker(self, **options): ...
        async def elapse(self, seconds): ...
        async def kill(self, broker): ...
        async def flush(self): ...
"""

from __future__ import annotations

from pipeline.testing.contracts.departure import DepartureContract
from pipeline.testing.contracts.letters import LettersContract
from pipeline.testing.contracts.limits import LimitsContract
from pipeline.testing.contracts.order import OrderContract
from pipeline.testing.contracts.oversight import OversightContract
from pipeline.testing.contracts.queues import QueueContract
from pipeline.testing.contracts.schedule import ScheduleContract
from pipeline.testing.contracts.settlement import SettlementContract
from pipeline.testing.contracts.state import StateContract
from pipeline.testing.contracts.trust import TrustContract
from pipeline.testing.contracts.written import WrittenContract

__all__ = ["BrokerContract"]


class BrokerContract(
    QueueContract,
    SettlementContract,
    TrustContract,
    ScheduleContract,
    DepartureContract,
    OrderContract,
    LimitsContract,
    LettersContract,
    OversightContract,
    StateContract,
    WrittenContract,
):
    """All of it; the hooks are described in :class:`pipeline.testing.contracts.base.Bench`."""
