"""Where spans go: as OpenTelemetry's environment variables say, if nobody has set it up before.

Imported only where tracing is on.
"""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint, entry_points

from opentelemetry import trace
from twisted.logger import Logger

from pipeline.errors import ConfigError

__all__ = ["set_up"]

_EXPORTER = "OTEL_TRACES_EXPORTER"
_NAME, _RESOURCE = "OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
#: The exporters of OTLP, the first that is installed; and the protocol of each.
_OTLP = {"otlp_proto_http": "http/protobuf", "otlp_proto_grpc": "grpc"}

_log = Logger("pipeline.tracing")


def set_up(namespace: str) -> None:
    """Give this process a provider, as ``opentelemetry-instrument`` would; once.

    Samplers, limits, batches and what else OpenTelemetry's SDK reads from the environment are its
    own matter. Where the program, or ``opentelemetry-instrument``, has set a provider it stays.

    :param namespace: the name of the service, unless the environment says another.
    :raise ConfigError: an exporter is asked for that isn't installed.
    """
    if not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        return
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    chosen = _chosen()
    is_named = _NAME in os.environ or "service.name=" in os.environ.get(_RESOURCE, "")
    resource = Resource.create({} if is_named else {"service.name": namespace})
    provider = TracerProvider(resource=resource)
    for exporter in chosen:
        provider.add_span_processor(BatchSpanProcessor(exporter.load()()))
    trace.set_tracer_provider(provider)


def _chosen() -> list[EntryPoint]:
    there = {each.name: each for each in entry_points(group="opentelemetry_traces_exporter")}
    said = os.environ.get(_EXPORTER)
    if said is None and not any(name in there for name in _OTLP):
        _log.warn(
            "tracing is on, but no span will leave this process: set {variable}, as 'otlp', and"
            " install its package, as opentelemetry-exporter-otlp-proto-http",
            variable=_EXPORTER,
        )
        return []
    names = [name.strip() for name in (said or "otlp").split(",")]
    return [_found(name, there) for name in names if name not in ("", "none")]


def _found(name: str, there: dict[str, EntryPoint]) -> EntryPoint:
    candidates = _otlp() if name == "otlp" else [name]
    for each in candidates:
        if each in there:
            return there[each]
    package = " or ".join(f"opentelemetry-exporter-{each.replace('_', '-')}" for each in candidates)
    known = ", ".join(sorted(there))
    raise ConfigError(
        f"{_EXPORTER} asks for {name!r}, which isn't installed",
        hint=f"pip install {package}; there are: {known}",
    )


def _otlp() -> list[str]:
    said = next((os.environ[name] for name in _PROTOCOLS if name in os.environ), None)
    return [name for name, protocol in _OTLP.items() if said in (None, protocol)] or list(_OTLP)
