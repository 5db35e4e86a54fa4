"""Other options for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pipeline.config.base import Config
from pipeline.signals import setting_changed

__all__ = ["override_config"]


@contextmanager
def override_config(owner: Any, **options: Any) -> Iterator[Config]:
    """Give a worker or middleware other options, and in the end its own again::

        with override_config(application, greeting="Hi"):
            ...

    What it has read at its start stays as it was; what reads ``self.config`` sees the change, and
    who listens to :data:`pipeline.signals.setting_changed` is told, when it begins and ends. The
    behaviour is that of Django's ``override_settings``.

    :param owner: has its options as ``config``.
    :param options: by their names.
    :raise ConfigError: an option is wrong.
    :raise TypeError: there is none of this name.
    """
    before: Config = owner.config
    known = {field.name for field in before.fields()}
    for name in options:
        if name not in known:
            raise TypeError(f"{type(before).__name__} has no option {name!r}")
    owner.config = before.with_options(options)
    try:
        _tell(owner.config, options, enter=True)
        yield owner.config
    finally:
        owner.config = before
        _tell(before, options, enter=False)


def _tell(config: Config, options: dict[str, Any], enter: bool) -> None:
    for name in options:
        value = getattr(config, name, None)
        setting_changed.send_robust(type(config), setting=name, value=value, enter=enter)
