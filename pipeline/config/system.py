"""From a configuration file to a :class:`~pipeline.config.schemas.SystemConfig`.

Three forms are read. A *system* has ``workers``, each a mapping with a ``class``. Vumi's
multi-worker file has ``workers: {name: class}``, each one's options in a section of its name.
Vumi's single worker has no ``workers``: everything at the top that is not the namespace's is
the worker's, and its class is in ``class`` or comes from the command line.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.config.overrides import overridden
from pipeline.config.positions import Section, key_position, merged, position
from pipeline.config.problems import Problems, described, suggestion
from pipeline.config.schemas import SystemConfig, WorkerSpec, listed_names
from pipeline.config.settings import NamespaceConfig, is_name
from pipeline.config.source import Document, load_document
from pipeline.errors import ConfigError

__all__ = ["load_system"]

_SETTINGS = tuple(field.name for field in NamespaceConfig.fields())
_MIDDLEWARE = "middleware"
_TOP = (*_SETTINGS, "workers", "defaults", _MIDDLEWARE)


def load_system(
    source: str | os.PathLike[str] | Document,
    overrides: Sequence[str] = (),
    worker_class: str | None = None,
    environment: Mapping[str, str] | None = None,
    problems: Problems | None = None,
) -> SystemConfig:
    """Read and check a configuration.

    A worker's ``middleware`` list is its own, else that of ``defaults``, else the one at the
    top; a middleware's section is looked for in the same order. Options of ``defaults`` hold for
    every worker that doesn't give its own. A worker's options themselves are checked by who
    makes it.

    :param source: a file, or a document already loaded.
    :param overrides: ``key:value`` each, as of ``--set-option``; they go before the file.
    :param worker_class: the class of a single worker; goes before its ``class``.
    :param environment: for ``${ENV_NAME}``; None for this process' variables.
    :param problems: where to put what is wrong, for who looks for more of it: then nothing that
        is wrong within the document is raised, and what could be read is returned.
    :raises ConfigError: something is wrong, said with its position;
        :class:`~pipeline.config.problems.ConfigErrors` when several things are.
    """
    document = source if isinstance(source, Document) else load_document(source, environment)
    reading = _Reading(overridden(document, overrides))
    config = reading.system(worker_class)
    if problems is None:
        reading.problems.raise_any()
    else:
        problems.add(*reading.problems.errors)
    return config


class _Reading:
    """One document being read; everything wrong with it is met before anything is raised."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._data = document.data
        self.problems = Problems()

    def system(self, worker_class: str | None) -> SystemConfig:
        settings = NamespaceConfig()
        with self.problems.collecting():
            settings = NamespaceConfig(self._data.only(*_SETTINGS))
        self._check_middleware(self._data)
        if "workers" not in self._data:
            workers = self._single(worker_class)
        else:
            workers = self._several(worker_class)
        return SystemConfig.of(settings, tuple(workers), self._document.folder)

    def _single(self, worker_class: str | None) -> list[WorkerSpec]:
        config = self._data.without(*_SETTINGS, "class")
        class_name = worker_class or self._single_class()
        if class_name is None:
            return []
        names = (config.get("worker_name"), config.get("transport_name"))
        name = next((str(each) for each in names if is_name(each)), "worker")
        class_at = None if worker_class else position(self._data, ("class",))
        return [WorkerSpec(name, class_name, config, class_at)]

    def _single_class(self) -> str | None:
        if "class" in self._data:
            return self._class_name(self._data, "the worker")
        hints = (suggestion(key, ["workers", "class"]) or "" for key in self._data)
        hint = next((each for each in hints if each.startswith("did")), None)
        what = "there are no 'workers', and no 'class' for a single one"
        self.problems.add(ConfigError(what, at=position(self._data), hint=hint))
        return None

    def _several(self, worker_class: str | None) -> list[WorkerSpec]:
        if worker_class is not None:
            what = "a worker class is for a single worker, and this file has 'workers'"
            self.problems.add(ConfigError(what, at=key_position(self._data, "workers")))
        given = self._section(self._data, "workers")
        if self._data["workers"] in (None, {}):
            what = "there must be at least one worker"
            self.problems.add(ConfigError(what, at=key_position(self._data, "workers")))
        defaults = self._section(self._data, "defaults")
        self._check_middleware(defaults)
        common = merged(self._data.only(_MIDDLEWARE), defaults)
        workers = [self._worker(given, name, common) for name in given]
        self._check_top(given, common)
        return [worker for worker in workers if worker is not None]

    def _worker(self, given: Section, name: str, common: Section) -> WorkerSpec | None:
        at = key_position(given, name)
        if not is_name(name):
            what = f"a worker's name is of letters, digits, '_', '.' and '-', got {name!r}"
            self.problems.add(ConfigError(what, at=at))
        if isinstance(given[name], str):
            own = self._section(self._data, name)
            class_name, class_at = given[name], position(given, (name,))
        else:
            own = self._section(given, name)
            if given[name] is not None and not isinstance(given[name], Mapping):
                return None
            class_name = self._class_name(own, f"worker {name!r}")
            class_at = position(own, ("class",))
        self._check_middleware(own)
        if class_name is None:
            return None
        return WorkerSpec(name, class_name, self._whole(own.without("class"), common, at), class_at)

    def _whole(self, own: Section, common: Section, at: str | None) -> Section:
        """Give all options of a worker: its own, the common ones, its middleware's sections."""
        options = merged(common, own)
        sections = self._data.only(*listed_names(options.get(_MIDDLEWARE)))
        whole = merged(sections, options)
        whole.here = at
        return whole

    def _check_top(self, given: Section, common: Section) -> None:
        accepted = {*_TOP, *(name for name in given if isinstance(given[name], str))}
        for section in (common, self._data, *given.values()):
            if isinstance(section, Mapping):
                accepted.update(listed_names(section.get(_MIDDLEWARE)))
        for key in self._data:
            if key not in accepted:
                at = key_position(self._data, key)
                hint = suggestion(key, accepted)
                self.problems.add(ConfigError(f"there is no option {key!r}", at=at, hint=hint))

    def _check_middleware(self, section: Section) -> None:
        value = section.get(_MIDDLEWARE)
        if value is not None and not isinstance(value, list):
            what = f"{_MIDDLEWARE}: expected a list, got {described(value)}"
            at = position(section, (_MIDDLEWARE,))
            self.problems.add(ConfigError(what, at=at, hint="as [{name: package.Class}]"))

    def _class_name(self, section: Section, whose: str) -> str | None:
        value: Any = section.get("class")
        if isinstance(value, str) and value:
            return value
        what = "has no 'class'" if value is None else f"has a wrong 'class', {described(value)}"
        hint = "the dotted name of one, as package.module.Class"
        at = position(section, ("class",))
        self.problems.add(ConfigError(f"{whose} {what}", at=at, hint=hint))
        return None

    def _section(self, holder: Section, key: str) -> Section:
        """Give the mapping at a key: empty when it is absent or null, or wrong, which is noted."""
        value, at = holder.get(key), key_position(holder, key)
        if isinstance(value, Section):
            return Section(value, value.places, at)
        if value is not None:
            what = f"{key}: expected a mapping, got {described(value)}"
            self.problems.add(ConfigError(what, at=at))
        return Section(here=at)
