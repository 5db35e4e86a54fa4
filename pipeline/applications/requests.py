"""The application of views: requests in, responses out, Django's hooks around them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from pipeline.applications.base import Application, ApplicationConfig
from pipeline.applications.routes import Route, Routes, content, keyword, otherwise, path
from pipeline.config.fields import ConfigField, ConfigText
from pipeline.config.names import resolve
from pipeline.config.numbers import ConfigInt
from pipeline.config.positions import position
from pipeline.config.problems import Problems, described
from pipeline.errors import BrokerError, ConfigError, SuspiciousOperation, Verdict, WorkerShutdown
from pipeline.hooks import HookStack, load_hooks
from pipeline.hooks.calling import hook_of
from pipeline.message import UserMessage
from pipeline.requests import Request, Response
from pipeline.requests.wire import HTTP
from pipeline.signals import request_finished, request_started
from pipeline.tasks.sender import bound
from pipeline.threads import Threads

__all__ = ["RequestApplication", "RequestApplicationConfig"]

#: What is not a view's error: it is for the connector, which retries, drops or hands back.
PASSING = (Verdict, BrokerError, WorkerShutdown, CancelledError)

#: The keys of a route that is written in YAML, and what makes one of it.
_KINDS: dict[str, Any] = {"path": path, "keyword": keyword, "content": content}


class ConfigRoutes(ConfigField[Any]):
    """Routes: the dotted name of a list of them, or a list of mappings."""

    kind = "dotted name, or list"

    def clean(self, value: Any) -> Routes:
        """:raises ConfigError: a route is none."""
        listed = resolve(value) if isinstance(value, str) else value
        if not isinstance(listed, list | tuple) or not listed:
            raise self._expected("a list of routes", listed, "as [{path: /, view: shop.index}]")
        problems = Problems()
        routes = []
        for index, each in enumerate(listed):
            with problems.collecting():
                routes.append(_route(each, position(listed, (index,))))
        problems.raise_any()
        return Routes(routes)


def _route(given: Any, at: str | None) -> Route:
    if isinstance(given, Route):
        return given
    if not isinstance(given, Mapping) or not isinstance(given.get("view"), str):
        what = f"a route is as {{path: /, view: shop.index}}, got {described(given)}"
        raise ConfigError(what, at=at)
    rest = {key: value for key, value in given.items() if key != "view"}
    view = resolve(given["view"], at)
    if not callable(view):
        raise ConfigError(f"{given['view']} is no view: it can't be called", at=at)
    if not rest:
        return otherwise(view)
    methods = rest.pop("methods", None)
    [kind, *more] = rest
    if kind not in _KINDS or more or (methods is not None and kind != "path"):
        known = ", ".join(_KINDS)
        raise ConfigError(f"a route has one of {known}, and a view (a path: methods)", at=at)
    try:
        options = {} if methods is None else {"methods": methods}
        made: Route = _KINDS[kind](str(rest[kind]), view, **options)
    except ConfigError as error:
        raise ConfigError(error.what, at=at) from None
    return made


class RequestApplicationConfig(ApplicationConfig):
    """Options of the application of views."""

    routes = ConfigRoutes(
        "Which view answers what: a list as [{path: /, view: shop.index}, {keyword: help, view:"
        " shop.explain}, {view: shop.otherwise}], or the dotted name of a list of routes.",
        required=True,
        static=True,
    )
    templates = ConfigText(
        "The folder of Jinja2 templates for TemplateResponse, from the configuration's folder on.",
        static=True,
    )
    threads = ConfigInt(
        "How many requests at a time may be in a thread, with views and hooks that are not async.",
        default=8,
        minimum=1,
        static=True,
    )


class RequestApplication(Application):
    """Answers each inbound message, from HTTP or any other transport, with a view.

    Around the view are the request hooks of the ``middleware`` list, as in Django; see
    :mod:`pipeline.hooks`. The response becomes the reply, staged with the settlement of the
    message, as is all that the view stores and publishes. A plain message whose response is empty
    is not answered. An error of a view is a 500, and is not tried again; what the connector has to
    know (a verdict, a server that is away, the end of the worker) passes.

    The end of a session passes the hooks as well, around a view that does nothing; it has no reply.

    :ivar routes: which view answers what.
    :ivar hooks: what requests pass, after :meth:`setup_application`.
    """

    hooks: HookStack

    CONFIG_CLASS = RequestApplicationConfig

    answers_requests = True

    _templates: Any = None

    #: Requests for any endpoint are answered.
    ALLOWED_ENDPOINTS = None

    config: RequestApplicationConfig

    @property
    def routes(self) -> Routes:
        """Which view answers what."""
        routes: Routes = self.config.routes
        return routes

    def ordering_key(self, message: Any, kind: str) -> Any:
        """As for every worker; requests of HTTP are in no order: browsers send several at once."""
        if kind == "inbound" and HTTP in getattr(message, "extra", ()):
            return None
        return super().ordering_key(message, kind)

    @property
    def templates(self) -> Any:
        """The Jinja2 environment, from :meth:`validate_config` on; None: there are no templates."""
        return self._templates

    def validate_config(self) -> None:
        """Look for the templates.

        :raise ConfigError: there is no such folder, or no Jinja2.
        """
        self._templates = self._environment()

    def setup_application(self) -> None:
        """Make the hooks, once, and the threads."""
        self.hooks = self.make_hooks()
        self._threads = Threads(self.clock, self.config.threads, "requests", self.hooks.threads + 1)
        self._threads.start()
        views_block = any(hook_of(view).may_block for view in self.routes.views)
        renders = self._templates is not None
        self._takes_thread = self.hooks.may_block or views_block or renders

    def make_hooks(self) -> HookStack:
        """What stands around the views, made of the request middleware."""
        unused: list[tuple[Any, str]] = []
        hooks = HookStack(
            load_hooks(self.middlewares.request, unused),
            self._resolved,
            self._report,
            sender=self,
            in_thread=self._in_thread,
            passing=PASSING,
            debug=self.runtime.debug,
            response_class=Response,
        )
        hooks.unused += unused
        return hooks

    def teardown_application(self) -> None:
        """Let go of the threads."""
        if hasattr(self, "_threads"):
            self._threads.stop()

    async def dispatch_user_message(self, message: Any) -> None:
        """Answer a request."""
        bound.set(self.client)
        if not self._takes_thread:
            await self._respond(message)
            return
        await self._threads.free()
        try:
            await self._respond(message)
        finally:
            self._threads.give_back()

    async def respond(self, request: Request) -> Response:
        """The response to a request, through all hooks."""
        if request_started.receivers:
            request_started.send_robust(self, request=request)
        response: Response = await self.hooks.respond(request)
        if request_finished.receivers:
            request_finished.send_robust(self, request=request, response=response)
        return response

    async def _respond(self, message: Any) -> None:
        try:
            request = Request.from_message(message, self.connector.name)
        except SuspiciousOperation as error:
            response, is_http = Response(str(error), 400), True
        else:
            request.templates = self._templates
            response, is_http = await self.respond(request), request.is_http
        if message.session_event == UserMessage.SESSION_CLOSE:
            return
        if is_http or response.content:
            await self._reply(message, response, is_http)

    async def _reply(self, message: Any, response: Response, is_http: bool) -> None:
        extra = {HTTP: response.to_fields()} if is_http else {}
        text = None if is_http else response.text
        await self.reply_to(message, text, response.continue_session, extra=extra)

    def _resolved(self, request: Request) -> Any:
        if request.session_event == UserMessage.SESSION_CLOSE:
            return _nothing, (), {}
        return self.routes.resolve(request)

    def _report(self, error: Exception) -> None:
        self.log.failure("a view failed", Failure(error))

    def _in_thread(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        return self._threads.run_free(function, *args, **kwargs)

    def _environment(self) -> Any:
        folder: str | None = self.config.templates
        if folder is None:
            return None
        at = position(self._given, ("templates",))
        try:
            import jinja2
        except ImportError:
            hint = "pip install 'txpipeline[templates]'"
            raise ConfigError("templates: Jinja2 is not installed", at=at, hint=hint) from None
        found = Path(self.runtime.folder or Path.cwd(), folder)
        if not found.is_dir():
            raise ConfigError(f"templates: there is no folder {found}", at=at)
        return jinja2.Environment(
            loader=jinja2.FileSystemLoader(found),
            autoescape=jinja2.select_autoescape(),
            auto_reload=self.runtime.debug,
        )


async def _nothing(request: Request) -> Response:
    return Response(status=204)
