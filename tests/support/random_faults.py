"""Everything that can go wrong with a request, as random faults of the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.practice import PracticeXero

_WRITES: Final = {"method": "POST", "path": "/api.xro/2.0/Contacts"}
_SIGN_IN: Final = {"path": "/connect/token"}
# Per cent of the calls that earlier rules have left alone.
_CHANCES: Final[Sequence[tuple[float, dict[str, Any]]]] = (
    (4.0, {"kind": "drop-after", **_WRITES}),
    (4.0, {"kind": "503", **_WRITES, "carriedOut": True}),
    (1.5, {"kind": "429-minute"}),
    (0.5, {"kind": "429-day", "retryAfter": 14_400, "retryAsDate": True}),
    (1.0, {"kind": "429-concurrent", "retryAfter": None}),
    (0.5, {"kind": "429-appminute", "retryAfter": 7_200}),
    (1.5, {"kind": "503"}),
    (1.0, {"kind": "offline", "carriedOut": True}),
    (1.0, {"kind": "500"}),
    (1.5, {"kind": "malformed", "carriedOut": True}),
    (1.0, {"kind": "empty-200", "carriedOut": True}),
    (1.0, {"kind": "json-list", "carriedOut": True}),
    (1.0, {"kind": "html"}),
    (1.0, {"kind": "redirect"}),
    (1.5, {"kind": "bad-gzip", "carriedOut": True}),
    (2.5, {"kind": "cut"}),
    (2.5, {"kind": "cut-gzip"}),
    (2.5, {"kind": "drop-before"}),
    (2.5, {"kind": "drop-after"}),
    (2.5, {"kind": "slow", "seconds": 0.02}),
    (10.0, {"kind": "drop-after", **_SIGN_IN}),
    (10.0, {"kind": "500", **_SIGN_IN}),
    (5.0, {"kind": "cut", **_SIGN_IN}),
)


def order(practice: PracticeXero, seed: int) -> None:
    """Let all of it happen, to the same calls for the same seed as far as they come in the same order."""
    for number, (per_cent, wish) in enumerate(_CHANCES):
        practice.fault(**wish, probability=per_cent / 100, seed=seed + number)


def kinds() -> frozenset[str]:
    """Name the possible faults."""
    return frozenset(wish["kind"] for _, wish in _CHANCES)
