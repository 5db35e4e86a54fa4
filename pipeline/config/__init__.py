"""Configuration: options declared in classes, YAML with positions, and what a file may say.

::

    from pipeline.config import Config, ConfigInt, load_system
"""

from __future__ import annotations

from pipeline.config.base import BaseConfig, Config, ConfigSection
from pipeline.config.endpoints import (
    ClientDescription,
    ConfigClientEndpoint,
    ConfigServerEndpoint,
    ServerDescription,
)
from pipeline.config.fields import (
    ConfigBool,
    ConfigChoice,
    ConfigDict,
    ConfigField,
    ConfigList,
    ConfigText,
)
from pipeline.config.names import resolve
from pipeline.config.numbers import ConfigFloat, ConfigInt
from pipeline.config.positions import Items, Section, key_position, position
from pipeline.config.problems import ConfigErrors, Problems, suggestion
from pipeline.config.quantities import ConfigDuration, ConfigSize, parse_duration, parse_size
from pipeline.config.references import ConfigClassName, ConfigRegex, ConfigUrl
from pipeline.config.schemas import SystemConfig, WorkerSpec, checked
from pipeline.config.settings import NamespaceConfig, RetryConfig
from pipeline.config.source import Document, load_document, parse_document, parse_scalar
from pipeline.config.system import load_system
from pipeline.config.texts import ConfigSecret
from pipeline.errors import ConfigError

__all__ = [
    "BaseConfig",
    "ClientDescription",
    "Config",
    "ConfigBool",
    "ConfigChoice",
    "ConfigClassName",
    "ConfigClientEndpoint",
    "ConfigDict",
    "ConfigDuration",
    "ConfigError",
    "ConfigErrors",
    "ConfigField",
    "ConfigFloat",
    "ConfigInt",
    "ConfigList",
    "ConfigRegex",
    "ConfigSecret",
    "ConfigSection",
    "ConfigServerEndpoint",
    "ConfigSize",
    "ConfigText",
    "ConfigUrl",
    "Document",
    "Items",
    "NamespaceConfig",
    "Problems",
    "RetryConfig",
    "Section",
    "ServerDescription",
    "SystemConfig",
    "WorkerSpec",
    "checked",
    "key_position",
    "load_document",
    "load_system",
    "parse_document",
    "parse_duration",
    "parse_scalar",
    "parse_size",
    "position",
    "resolve",
    "suggestion",
]
