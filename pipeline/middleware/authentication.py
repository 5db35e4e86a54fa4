"""Who asks: a user, known by session, token, password or address."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar

from twisted.logger import Logger

from pipeline.config.fields import ConfigDict, ConfigText
from pipeline.config.references import ConfigClassName
from pipeline.eager import finished
from pipeline.identity.back_ends import IUserBackend
from pipeline.identity.challenge import ChallengeConfig, challenges
from pipeline.identity.credentials import name_and_password
from pipeline.identity.denied import Busy, Denied, TooManyFailures, Unknown
from pipeline.identity.failures import Failures
from pipeline.identity.peers import network_of
from pipeline.identity.users import ANONYMOUS, ConfiguredUsers, ConfigUsers, User
from pipeline.middleware.request import RequestMiddleware
from pipeline.middleware.selection import ConfigChoices
from pipeline.requests import Response

__all__ = [
    "ANONYMOUS",
    "FINGERPRINT",
    "USER",
    "AuthenticationMiddleware",
    "AuthenticationMiddlewareConfig",
    "User",
]

#: Keys of the session: who has logged in, and with which password.
USER, FINGERPRINT = "_user", "_user_fingerprint"

WAYS = ("session", "bearer", "basic", "transport", "address")


class AuthenticationMiddlewareConfig(ChallengeConfig):
    """The options of :class:`AuthenticationMiddleware`."""

    by = ConfigChoices(
        "What a user is known by, the first that tells one: `session`: who has logged in;"
        " `bearer` and `basic`: the header `Authorization`; `transport`: the transport of HTTP,"
        " which has asked for credentials itself; `address`: the address that a plain message is"
        " from.",
        default=("session",),
        static=True,
        values=WAYS,
    )
    users = ConfigUsers(
        "The users: by id a mapping of `name`, `password` (text, `{file: path}` or `scrypt:...`"
        " as `pipeline hash` makes it), `token` (text, `{file: path}` or `sha256:...`),"
        " `permissions` and `addresses`.",
        default={},
        static=True,
    )
    back_end = ConfigClassName(
        "Instead of `users`: a class that knows them, which implements"
        " `pipeline.identity.back_ends.IUserBackend`.",
        static=True,
        implements=IUserBackend,
    )
    back_end_options = ConfigDict("What that class is given.", default={}, static=True)
    login_url = ConfigText(
        "Where `login_required` sends a browser that has not logged in; none: it gets a 401 or"
        " a 403.",
        static=True,
    )

    def post_validate(self) -> None:
        """:raises ConfigError: users are given in two ways."""
        super().post_validate()
        if self.users and self.back_end is not None:
            self.raise_config_error("users: give either these or a back_end", "users")


class AuthenticationMiddleware(RequestMiddleware):
    """Gives each request a ``user``, which is :data:`ANONYMOUS` for who has not said who they are.

    Credentials in a header that are nobody's are a 401; too many of them from one address a 429,
    whatever it says, for a while. ``request.authenticated_by`` says which way has told the user.

    Behaviour follows Django (``django.contrib.auth``); see the page for what is otherwise.
    """

    CONFIG_CLASS: ClassVar[type[ChallengeConfig]] = AuthenticationMiddlewareConfig
    MAY = ("change", "respond")
    AFTER = ("SessionMiddleware",)

    log = Logger()

    def __init__(self, name: str, config: Mapping[str, Any], worker: Any) -> None:
        super().__init__(name, config, worker)
        self._ways: list[Callable[[Any], Awaitable[Any]]] = [
            getattr(self, f"_by_{way}") for way in self.config.by
        ]
        made = self.config.back_end
        if made is None:
            self.back_end: Any = ConfiguredUsers(self.config.users, worker.clock)
        else:
            self.back_end = made(self.config.back_end_options, worker)
        self.challenges = challenges(
            self.config.realm, (way.title() for way in self.config.by if way in ("bearer", "basic"))
        )
        self.login_url: str | None = self.config.login_url
        limit, window = self.config.max_failures, self.config.failure_window
        self._failures = Failures(limit, window, worker.clock)

    @property
    def needs(self) -> tuple[str, ...]:
        """A session, if users are known by it."""
        return ("SessionMiddleware",) if "session" in self.config.by else ()

    async def setup_middleware(self) -> None:
        """Have the back end get ready."""
        await finished(self.back_end.start())

    async def teardown_middleware(self) -> None:
        """Have the back end let go."""
        await finished(self.back_end.stop())

    async def process_request(self, request: Any) -> Response | None:
        """Find out who asks."""
        request.authentication = self
        request.authenticated_by = None
        user = None
        try:
            for way in self._ways:
                user = await way(request)
                if user is not None:
                    break
        except Denied as denied:
            return self._refusal(denied)
        self._give(request, ANONYMOUS if user is None else user)
        return None

    async def process_exception(self, request: Any, exception: Exception) -> Response | None:
        """Answer who has to wait before trying again."""
        return self._refusal(exception) if isinstance(exception, Denied) else None

    async def authenticate(self, request: Any, **credentials: str) -> Any:
        """The user that credentials are of; see :func:`pipeline.middleware.login.authenticate`."""
        peer = network_of(request.remote_addr)
        seconds = self._failures.seconds_left(peer)
        if seconds:
            raise TooManyFailures(seconds)
        user = await finished(self.back_end.authenticate(request, **credentials))
        if user is None and self._failures.count(peer):
            self.log.warn("too many failed attempts from {peer}", peer=peer or "nowhere")
        return user

    def unknown(self) -> Response:
        """What a client is answered that has to say who it is."""
        if not self.challenges:
            return Response("log in first", 403)
        response = Response("say who you are", 401)
        for each in self.challenges:
            response.headers.add("WWW-Authenticate", each)
        return response

    # Ways --------------------------------------------------------------------------------------

    async def _by_session(self, request: Any) -> Any:
        session = request.session
        id = session.peek(USER)
        if id is None:
            return None
        user = await finished(self.back_end.get_user(id))
        known = session.peek(FINGERPRINT) or ""
        if user is None or not hmac.compare_digest(known.encode(), user.fingerprint.encode()):
            # The user is gone, or has another password: who else has the session is out.
            session.flush()
            return None
        request.authenticated_by = "session"
        return user

    async def _by_bearer(self, request: Any) -> Any:
        token = _authorization(request, "bearer")
        return None if token is None else await self._claimed(request, "bearer", token=token)

    async def _by_basic(self, request: Any) -> Any:
        said = _authorization(request, "basic")
        if said is None:
            return None
        found = name_and_password(said)
        if found is None:
            raise Unknown("Basic credentials must be base64 of name:password in UTF-8")
        return await self._claimed(request, "basic", name=found[0], password=found[1])

    async def _by_transport(self, request: Any) -> Any:
        metadata = getattr(request.message, "transport_metadata", None)
        # Elsewhere a user might have said so in a message.
        name = metadata.get("user") if metadata and request.is_http else None
        if not isinstance(name, str):
            return None
        user = await finished(self.back_end.get_user(name))
        request.authenticated_by = None if user is None else "transport"
        return user

    async def _by_address(self, request: Any) -> Any:
        if request.is_http or not request.remote_addr:
            return None
        address = request.remote_addr
        user = await finished(self.back_end.authenticate(request, address=address))
        request.authenticated_by = None if user is None else "address"
        return user

    async def _claimed(self, request: Any, way: str, **credentials: str) -> Any:
        """The user of a header; who sends one says to be somebody."""
        user = await self.authenticate(request, **credentials)
        if user is None:
            raise Unknown("these credentials are nobody's")
        request.authenticated_by = way
        return user

    def _give(self, request: Any, user: Any) -> None:
        """Set ``request.user``; to look at it is to look into the session."""
        asked = request.authenticated_by in (None, "session") and "session" in self.config.by

        def looked_at() -> Any:
            if asked:
                request.session.is_accessed = True
            return user

        request.provide("user", looked_at)

    def _refusal(self, denied: Denied) -> Response:
        if isinstance(denied, TooManyFailures):
            return Response(denied.reason, 429, {"Retry-After": str(denied.retry_after)})
        if isinstance(denied, Busy):
            return Response(denied.reason, 503, {"Retry-After": "1"})
        response = self.unknown()
        response.content = denied.reason
        return response


def _authorization(request: Any, scheme: str) -> str | None:
    """What a request says behind a scheme; None if it says nothing of it."""
    given = request.headers.get_all("Authorization")
    if len(given) > 1:
        raise Unknown("one Authorization header is enough")
    said, _, rest = (given[0] if given else "").strip().partition(" ")
    return rest.strip() if said.lower() == scheme else None
