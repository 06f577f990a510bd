"""What every request handler shares, and how it gets at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from tui.sandbox.books import Books
    from tui.sandbox.call_counter import CallCounter
    from tui.sandbox.clock import Clock
    from tui.sandbox.counts import Counts
    from tui.sandbox.database import PracticeDatabase
    from tui.sandbox.faults import Faults
    from tui.sandbox.oauth.tokens import TokenIssuer
    from tui.sandbox.rate_limits import Limits
    from tui.sandbox.re_leased.company import Companies
    from tui.sandbox.request_log import RequestLog


@dataclass(frozen=True, slots=True)
class PracticeServices:
    """The practice Xero and Re-Leased, ready to answer."""

    database: PracticeDatabase
    clock: Clock
    books: Books
    counts: Counts
    tokens: TokenIssuer
    limits: Limits
    budget: CallCounter
    faults: Faults
    log: RequestLog
    companies: Companies

    def count_status_writes(self, writes: int) -> None:
        """Count applied changes of `ContactStatus` through the API; the number outlives restarts."""
        if writes:
            self.database.remember("status_writes", str(self.status_writes + writes))

    @property
    def status_writes(self) -> int:
        """How often the API has written a `ContactStatus`, since the first seeding."""
        return int(self.database.recall("status_writes") or 0)


def practice_of(request: HTTPConnection) -> PracticeServices:
    """Find the services behind a request."""
    practice: PracticeServices = request.app.state.practice
    return practice
