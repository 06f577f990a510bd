"""Services for the screens of one organisation; see `tui.model.services`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from tui.model.errors import ReadOnlyError
from tui.model.reasons import ReadOnlyReason

if TYPE_CHECKING:
    from collections.abc import Callable


class WriteAccess(Struct, frozen=True):
    """Whether changes are allowed, by the connection's permissions and `--read-only`."""

    is_read_only: bool
    is_read_only_connection: Callable[[], bool]

    def require(self) -> None:
        """Raise `ReadOnlyError` in read-only mode."""
        if self.is_read_only:
            is_connection = self.is_read_only_connection()
            raise ReadOnlyError(ReadOnlyReason.CONNECTION if is_connection else ReadOnlyReason.OPTION)
