"""What ``twistd pipeline`` takes on its command line, and what it makes of it."""

from __future__ import annotations

import sys
from typing import Any

from twisted.python import usage

from pipeline.config.problems import flattened
from pipeline.errors import ConfigError, PipelineError
from pipeline.service.running import System

__all__ = ["Options", "makeService", "worker_help"]


def _threads(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError(f"--maxthreads must be a whole number, 1 or more, got {text!r}")
    return int(text)


class Options(usage.Options):
    """Options of the plugin; those of Vumi's start_worker have the same meaning."""

    synopsis = "Usage: twistd [options] pipeline --config FILE [options]"
    longdesc = (
        "Run the workers of a YAML file, or with --worker some of them. "
        "Vumi's form of a single worker works too: --worker-class CLASS --config FILE."
    )
    optParameters = [
        ["config", "c", None, "The YAML file."],
        ["worker-class", None, None, "The dotted name of the class of a single worker."],
        ["maxthreads", None, None, "The size of the reactor's thread pool.", _threads],
    ]

    def __init__(self) -> None:
        super().__init__()
        self["worker"] = []
        self["set-option"] = []
        self["worker-help"] = False

    def opt_worker(self, name: str) -> None:
        """Run only this worker of the file; may be given again."""
        self["worker"].append(name)

    def opt_set_option(self, key_value: str) -> None:
        """Set an option over the file, as key:value; may be given again."""
        if ":" not in key_value:
            raise usage.UsageError(f"--set-option wants key:value, got {key_value!r}")
        self["set-option"].append(key_value)

    def opt_worker_help(self) -> None:
        """Print what the class given by --worker-class is for and its options, and end."""
        self["worker-help"] = True

    def _print_help(self) -> None:
        if not self["worker-class"]:
            raise usage.UsageError("--worker-help wants --worker-class CLASS")
        try:
            print(worker_help(self["worker-class"]))  # noqa: T201  # it is asked to print
        except ConfigError as error:
            raise usage.UsageError(str(error)) from None
        sys.exit(0)

    def postOptions(self) -> None:
        if self["worker-help"]:
            self._print_help()
        if self["config"] is None and self["worker-class"] is None:
            raise usage.UsageError("--config FILE is needed")


def worker_help(class_name: str) -> str:
    """What a worker class is for, and its options.

    :raises ConfigError: there is no such class, or it is no worker.
    """
    from pipeline.service.build import worker_class

    found = worker_class(class_name)
    return "\n\n".join(text for text in (found.__doc__, found.CONFIG_CLASS.__doc__) if text)


def makeService(options: Options) -> System:
    """The service that the options ask for; what is wrong ends the process with status 1."""
    try:
        return _service(options)
    except PipelineError as error:
        texts = flattened(error) if isinstance(error, ConfigError) else (error,)
        raise SystemExit("\n".join(f"pipeline: {text}" for text in texts)) from None


def _service(options: Options) -> System:
    from twisted.internet import reactor as installed

    from pipeline.service.build import build, load
    from pipeline.service.collecting import collect_seldom, mind
    from pipeline.service.process import exit_status_at_end, stop, stop_on_signals
    from pipeline.service.steady import keep_steady
    from pipeline.service.twistd_log import log_observer

    reactor: Any = installed
    keep_steady(reactor)
    collect_seldom(reactor)
    config = load(options["config"], options["set-option"], options["worker-class"])

    def failed(explanation: str) -> None:
        exit_status_at_end(1, f"pipeline: {explanation}")
        reactor.callWhenRunning(stop, reactor)

    system = build(config, reactor, only=options["worker"], failed=failed)
    mind(system)
    if options["maxthreads"]:
        reactor.suggestThreadPoolSize(options["maxthreads"])
    stop_on_signals(reactor, system.hurry)
    if options.parent is not None:
        system.log_observer = log_observer(options.parent, config)
    return system
