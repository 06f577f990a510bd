"""Faults on request: rules that make chosen requests fail the way the live service fails."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tui.sandbox.re_leased.unified import error_body

if TYPE_CHECKING:
    from collections.abc import Mapping


_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json; charset=utf-8"
_PAGE = "text/html; charset=utf-8"
_MALFORMED = b'{"Id":"b1f2c1d0-0000-4000-8000-000000000000","Status":"OK","Contacts":[{"ContactID":"5f'
_HTML = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>"


@dataclass(frozen=True, slots=True)
class FaultResponse:
    """A response sent instead of Xero's."""

    status: int
    content_type: str | None = None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def _limited(problem: str) -> FaultResponse:
    # Seen: no body, no content type, everything in the headers.
    return FaultResponse(429, headers={"X-Rate-Limit-Problem": problem})


def _unified(status: int, message: str) -> FaultResponse:
    return FaultResponse(status, _JSON, error_body(status, message))


FAULT_RESPONSES: Final[Mapping[str, FaultResponse]] = {
    **{f"429-{problem}": _limited(problem) for problem in ("minute", "day", "concurrent", "appminute")},
    "unified-401": _unified(401, "Unauthorized"),
    # A connection whose sign-in to Re-Leased has ended, one without the scope, and one that is paused.
    "unified-unhealthy": _unified(401, "Re-Leased doesn't accept this connection any more"),
    "unified-403": _unified(403, "This connection lacks the permission accounting_contact_read"),
    "unified-paused": _unified(403, "This connection is paused"),
    "unified-404": _unified(404, "Connection not found"),
    # The words of Unified.to's own limit are documented; those of the system behind it are its own.
    "unified-429": _unified(429, "Too many requests to Unified.to"),
    "unified-429-vendor": _unified(429, "Re-Leased: rate limit exceeded"),
    "unified-500": _unified(500, "Internal Server Error"),
    "500": FaultResponse(500, _TEXT, b"An unexpected error occurred"),
    "503": FaultResponse(503, _TEXT, b"Service Unavailable"),
    "offline": FaultResponse(503, _TEXT, b"The Organisation is offline"),
    "malformed": FaultResponse(200, _JSON, _MALFORMED),
    "empty-200": FaultResponse(200, _JSON),
    "json-list": FaultResponse(200, _JSON, b"[]"),
    "html": FaultResponse(200, _PAGE, _HTML),
    "redirect": FaultResponse(302, _PAGE, headers={"Location": "/identity/connect/authorize"}),
    "bad-gzip": FaultResponse(200, _JSON, b"not gzip at all", {"Content-Encoding": "gzip"}),
}


# The first five are applied in `fault_middleware.py`; the others are responses of their own.
KINDS = frozenset({"slow", "drop-before", "drop-after", "cut", "cut-gzip", *FAULT_RESPONSES})


@dataclass(slots=True)
class FaultRule:
    """One rule: which requests, what happens to them, and how often."""

    kind: str
    method: str | None
    path: str
    count: int | None
    probability: float
    seconds: float
    retry_after: int | None
    retry_as_date: bool
    carried_out: bool
    rng: random.Random = field(repr=False)

    def matches(self, method: str, path: str) -> bool:
        """Return whether the rule applies to this request, and count it."""
        if self.count == 0 or not path.startswith(self.path) or self.method not in {None, method}:
            return False
        if self.probability < 1 and self.rng.random() >= self.probability:
            return False
        if self.count is not None:
            self.count -= 1
        return True


class Faults:
    """The active rules; the first match applies."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []

    def add(self, spec: Mapping[str, Any]) -> None:
        """Add a rule from its JSON. Raises `ValueError` for an invalid one.

        `kind` is required. Optional, with their defaults: `method` (any), `path` (a prefix, `/api.xro/`, for
        `unified-…` `/accounting/`), `count` (unlimited), `probability` (1), `seed` (0), `seconds` (for
        `slow`, 1). For a 429: `retryAfter` in seconds (1, or null for none), sent as a date with
        `retryAsDate`. With `carriedOut`, the request is processed and the fault hides its response.
        """
        kind = str(spec.get("kind"))
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(sorted(KINDS))}")
        method = spec.get("method")
        self._rules.append(
            FaultRule(
                kind=kind,
                method=None if method is None else str(method).upper(),
                path=str(spec.get("path", "/accounting/" if kind.startswith("unified-") else "/api.xro/")),
                count=_number(spec.get("count")),
                probability=float(spec.get("probability", 1)),
                seconds=float(spec.get("seconds", 1)),
                retry_after=_number(spec.get("retryAfter", 1)),
                retry_as_date=spec.get("retryAsDate") is True,
                carried_out=spec.get("carriedOut") is True,
                # Repeatable on purpose; not used for security.
                rng=random.Random(int(spec.get("seed", 0))),  # noqa: S311 - as above
            )
        )

    def clear(self) -> None:
        """Remove all rules."""
        self._rules.clear()

    def find_rule(self, method: str, path: str) -> FaultRule | None:
        """Return the rule that matches a request, if any."""
        return next((rule for rule in self._rules if rule.matches(method, path)), None)

    def as_json(self) -> list[dict[str, Any]]:
        """Return the rules with their remaining uses."""
        return [
            {"kind": rule.kind, "method": rule.method, "path": rule.path, "count": rule.count}
            for rule in self._rules
        ]


def _number(spec: Any) -> int | None:
    return None if spec is None else int(spec)
