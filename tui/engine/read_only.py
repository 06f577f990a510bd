"""Read-only mode: the gate in front of everything that records something or changes Xero."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from tui.model.backend import read_only_reason
from tui.model.errors import ReadOnlyError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from tui.model.backend import Backend

P = ParamSpec("P")
R = TypeVar("R")


def writes(method: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Refuse a method of the engine in read-only mode: it raises `ReadOnlyError` before it does anything."""

    @wraps(method)
    async def guarded(*arguments: P.args, **named: P.kwargs) -> R:
        reason = read_only_reason(cast("Backend", arguments[0]))
        if reason is not None:
            raise ReadOnlyError(reason)
        return await method(*arguments, **named)

    return guarded
