"""What makes ``twistd pipeline`` work; the rest is in :mod:`pipeline.service.options`."""

from twisted.application.service import ServiceMaker

pipeline = ServiceMaker(
    "pipeline",
    "pipeline.service.options",
    "Transports, applications and their middleware, from a YAML file.",
    "pipeline",
)
