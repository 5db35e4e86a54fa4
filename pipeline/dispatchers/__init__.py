"""Dispatchers: workers between transports and applications, which choose each message's way.

The class of such a worker is its router; the names are those of Vumi's routers.
"""

from pipeline.dispatchers.base import Dispatcher, DispatcherConfig, Target
from pipeline.dispatchers.content_keyword import ContentKeywordRouter
from pipeline.dispatchers.from_addr_multiplex import FromAddrMultiplexRouter
from pipeline.dispatchers.load_balancing import LoadBalancingRouter
from pipeline.dispatchers.redirect import RedirectRouter
from pipeline.dispatchers.routing_table import RoutingTableDispatcher
from pipeline.dispatchers.simple import SimpleDispatchRouter
from pipeline.dispatchers.to_addr import ToAddrRouter
from pipeline.dispatchers.transport_to_transport import TransportToTransportRouter
from pipeline.dispatchers.user_grouping import UserGroupingRouter

__all__ = [
    "ContentKeywordRouter",
    "Dispatcher",
    "DispatcherConfig",
    "FromAddrMultiplexRouter",
    "LoadBalancingRouter",
    "RedirectRouter",
    "RoutingTableDispatcher",
    "SimpleDispatchRouter",
    "Target",
    "ToAddrRouter",
    "TransportToTransportRouter",
    "UserGroupingRouter",
]
