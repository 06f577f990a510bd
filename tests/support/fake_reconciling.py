"""Files out of Re-Leased, in the engine in memory: whatever is chosen, the comparison is the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.model.errors import ReshelveError
from tui.model.reconcile import Accepted, Reconciliation, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tui.model.contact_file import FileOptions


class FakeReconciling:
    """Answers with `comparison`; without one, every file is a wrong one."""

    comparison: Reconciliation | None = None

    async def reconcile(self, file: Path, options: FileOptions) -> Reconciliation:
        self._called("reconcile", file, options)
        if self.comparison is None:
            raise ReshelveError("Line 3: “Gone” is no status that is known.", "Nothing was changed.")
        return self.comparison

    async def accept(self, reconciliation: Reconciliation, choices: Mapping[int, str | None]) -> Accepted:
        self._called("accept", dict(choices))
        found = resolve(reconciliation, choices)
        return Accepted(found, len(found.proved))

    def _called(self, call: str, *arguments: Any) -> None:
        raise NotImplementedError
