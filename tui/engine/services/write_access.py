"""Read-only mode: the check before everything that records something or changes Xero."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tui.model.errors import ReadOnlyError, ReadOnlyReason

if TYPE_CHECKING:
    from collections.abc import Callable


class WriteAccess(Struct, frozen=True):
    """Whether an organisation may be changed here, by the connection's permissions and by `--read-only`."""

    is_read_only: bool
    is_read_only_connection: Callable[[], bool]

    def require(self) -> None:
        """Raise `ReadOnlyError` where nothing may be changed."""
        if self.is_read_only:
            is_connection = self.is_read_only_connection()
            raise ReadOnlyError(ReadOnlyReason.CONNECTION if is_connection else ReadOnlyReason.OPTION)
