"""The sockets that all processes accept connections from; they outlive each of them."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.logger import Logger

from pipeline.transports.binding import Binding, Bound

__all__ = ["Sockets"]


class Sockets:
    """What is bound for the endpoints of a configuration, and of the next one."""

    log = Logger()

    def __init__(self) -> None:
        self._bound: dict[str, Bound] = {}

    def bind(self, bindings: Mapping[str, Binding]) -> None:
        """Bind what is new; what is there already stays as it is, all or nothing.

        :raise CannotListenError: a place is taken, or not ours to take; then nothing has changed.
        """
        fresh: dict[str, Bound] = {}
        try:
            for binding in bindings.values():
                if binding.place not in self._bound and binding.place not in fresh:
                    fresh[binding.place] = self._made(binding)
        except BaseException:
            for bound in fresh.values():
                bound.close()
            raise
        self._bound.update(fresh)

    def descriptors(self, bindings: Mapping[str, Binding]) -> dict[str, int]:
        """The numbers of the sockets, by the descriptions of their endpoints."""
        return {each: self._bound[bindings[each].place].descriptor for each in bindings}

    def keep(self, bindings: Mapping[str, Binding]) -> None:
        """Close what no endpoint has any more, and take over what is new of the others."""
        wanted = {binding.place: binding for binding in bindings.values()}
        for place in list(self._bound):
            if place not in wanted:
                self._bound.pop(place).close()
            else:
                self._bound[place].take(wanted[place])

    def close(self) -> None:
        """Listen no more."""
        self.keep({})

    def _made(self, binding: Binding) -> Bound:
        bound = binding.bind()
        if not binding.path and bound.port != binding.port and binding.port:
            text = "port {taken} is taken: {port} is bound instead"
            self.log.warn(text, taken=binding.port, port=bound.port)
        return bound
