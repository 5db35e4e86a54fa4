"""Values of tasks on their way: what JSON can't say becomes what it can, and back by type hints."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Union, get_args, get_origin

import msgspec
import msgspec.inspect

from pipeline.tasks.fitting import unfit

__all__ = ["Hint", "Hints"]

#: What arrives as it was sent, whether or not a hint says so.
_PLAIN = (Any, object, str, int, float, bool, None, type(None), list, dict, inspect.Parameter.empty)

#: Hints of what is plain when its parts are.
_CONTAINERS = (list, dict, Union, types.UnionType, Sequence, Iterable, Collection, Mapping)


class Hint:
    """How the values of one parameter travel, by its type hint.

    :param hint: None: there is none.
    :ivar converts: whether the hint says more than JSON can.
    """

    __slots__ = ("_hint", "converts")

    def __init__(self, hint: Any) -> None:
        self._hint = hint
        self.converts = not _is_plain(hint) and _is_known(hint)

    def pack(self, value: Any) -> Any:
        """The value as JSON can say it.

        :raise ValueError: it would not arrive as it is; the text says why.
        """
        if not self.converts:
            wrong = unfit(value)
            if wrong is not None:
                raise ValueError(wrong)
            return value
        return self._packed(value)

    def unpack(self, value: Any) -> Any:
        """The value as it was before it was packed.

        :raise ValueError: it is not what the hint says.
        """
        return msgspec.convert(value, self._hint, str_keys=True) if self.converts else value

    def _packed(self, value: Any) -> Any:
        try:
            packed = msgspec.to_builtins(value, str_keys=True)
        except (TypeError, RecursionError) as error:
            raise ValueError(f"{error or type(error).__name__}") from None
        wrong = unfit(packed)
        if wrong is not None:
            raise ValueError(wrong)
        arrives = self.unpack(packed)
        # What was plain already is taken at the word of the hint.
        if arrives != value and unfit(value) is not None:
            raise ValueError(f"{value!r} would arrive as {arrives!r}")
        return packed


class Hints:
    """How the arguments of one function travel, and what it returns.

    :param function: its hints are read when first needed, since they may name what comes later.
    :param signature: the function's.
    :ivar result: how its result travels.
    """

    def __init__(self, function: Callable[..., Any], signature: inspect.Signature) -> None:
        known = _hints(function)
        self.result = Hint(known.get("return"))
        self._by_name: dict[str, Hint] = {}
        self._by_place: list[Hint] = []
        self._further = self._further_named = Hint(None)
        for name, parameter in signature.parameters.items():
            self._add(name, parameter, Hint(known.get(name)))
        every = [*self._by_name.values(), *self._by_place, self._further, self._further_named]
        #: Whether all arguments travel as they are.
        self.are_plain = not any(hint.converts for hint in every)

    def _add(self, name: str, parameter: inspect.Parameter, hint: Hint) -> None:
        kind = parameter.kind
        if kind is kind.VAR_POSITIONAL:
            self._further = hint
        elif kind is kind.VAR_KEYWORD:
            self._further_named = hint
        else:
            if kind is not kind.KEYWORD_ONLY:
                self._by_place.append(hint)
            if kind is not kind.POSITIONAL_ONLY:
                self._by_name[name] = hint

    def at(self, place: int) -> Hint:
        """The hint of a positional argument."""
        return self._by_place[place] if place < len(self._by_place) else self._further

    def of(self, name: str) -> Hint:
        """The hint of a named argument."""
        return self._by_name.get(name, self._further_named)

    def unpack(
        self, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> tuple[list[Any], dict[str, Any]]:
        """The arguments as they were sent.

        :raise ValueError: one is not what its hint says; names it.
        """
        if self.are_plain:
            return list(args), dict(kwargs)
        given = [_unpacked(self.at(n), f"{n + 1}", each) for n, each in enumerate(args)]
        named = {name: _unpacked(self.of(name), repr(name), kwargs[name]) for name in kwargs}
        return given, named


def _unpacked(hint: Hint, name: str, value: Any) -> Any:
    try:
        return hint.unpack(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"argument {name} is not what its type hint says: {error}") from None


def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    """What can be made out of a function's hints; the others are left out."""
    while isinstance(getattr(function, "__wrapped__", None), types.FunctionType):
        function = function.__wrapped__  # type: ignore[attr-defined]  # looked at just before
    try:
        return typing.get_type_hints(function, include_extras=True)
    except Exception:  # noqa: BLE001  # names of the type checker's, and whatever else they raise
        return _one_by_one(function)


def _one_by_one(function: Callable[..., Any]) -> dict[str, Any]:
    known = {}
    for name, given in getattr(function, "__annotations__", {}).items():
        stand_in = types.SimpleNamespace(__annotations__={name: given})
        try:
            found = typing.get_type_hints(
                stand_in, getattr(function, "__globals__", {}), include_extras=True
            )
        except Exception:  # noqa: BLE001  # as above: this one can't be known
            continue
        known.update(found)
    return known


def _is_plain(hint: Any) -> bool:
    if hint in _PLAIN or isinstance(hint, typing.TypeVar):
        return True
    origin, parts = get_origin(hint), get_args(hint)
    if origin is typing.Literal:
        return True
    if origin in (dict, Mapping) and parts and parts[0] not in (str, Any):
        return False
    return origin in _CONTAINERS and all(map(_is_plain, parts))


def _is_known(hint: Any) -> bool:
    """Whether msgspec knows how to make it out of what JSON can say."""
    try:
        return not _is_foreign(msgspec.inspect.type_info(hint))
    except Exception:  # noqa: BLE001  # a class of theirs may raise anything
        return False


def _is_foreign(info: Any) -> bool:
    """Whether there is a class in it that msgspec knows nothing of."""
    if isinstance(info, msgspec.inspect.CustomType):
        return True
    parts = [getattr(info, name, None) for name in ("item_type", "key_type", "value_type", "type")]
    parts += [*getattr(info, "item_types", ()), *getattr(info, "types", ())]
    return any(_is_foreign(part) for part in parts if isinstance(part, msgspec.inspect.Type))
