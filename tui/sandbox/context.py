"""What every request handler shares, and how it gets at it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import HTTPConnection

    from tui.sandbox.books import Books
    from tui.sandbox.database import Database
    from tui.sandbox.faults import Faults
    from tui.sandbox.identity.tokens import Tokens
    from tui.sandbox.limits import Limits
    from tui.sandbox.released.company import Companies
    from tui.sandbox.request_log import RequestLog


@dataclass(frozen=True, slots=True)
class Practice:
    """The practice Xero and Re-Leased, ready to answer."""

    database: Database
    books: Books
    tokens: Tokens
    limits: Limits
    faults: Faults
    log: RequestLog
    companies: Companies


def practice_of(request: HTTPConnection) -> Practice:
    """Find the services behind a request."""
    practice: Practice = request.app.state.practice
    return practice
