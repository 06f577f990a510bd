from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from widgets.table_host import NOW, Host, found, row, view

from tui.model.change import Action, State
from tui.model.contact import ContactStatus
from tui.model.evidence import SyncStatus
from tui.model.query import Tab

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.pilot import Pilot

    from tui.model.contact import Row

HOSTILE = (
    "a [/x] b",
    "\x1b[31mRed\x1b[0m \x1b]0;owned\x07Roofing\r\nand Sons",
    "Long " * 2000,
    "paid\u202egnp.exe \u2066Ltd\u2069",
    "שלום נכסים בע״מ",
    "شركة العقارات المتحدة",
    "東京不動産管理株式会社とても長い名前の会社",
    "👩\u200d👩\u200d👧\u200d👦 Family Trust 👍🏽 ❤\ufe0f",
    "Zalgo " + "z\u0300\u0338\u0301\u0336\u0315\u031b\u0340\u0341\u0358" * 3 + " Ltd",
    "Cafe\u0301 Te\u0304na\u0304 Koutou",
    "Ngāti Whātua Ōrākei Housing",
    "private \ue0a0 and \ud800 surrogate",
)

READ = datetime(2024, 11, 23, 2, 14, tzinfo=UTC)
EARLIER = datetime(2023, 11, 23, 2, 14, tzinfo=UTC)


def believable() -> list[Row]:
    archived = ContactStatus.ARCHIVED
    return [
        row(0, "Bayside Club", owes=23_400, last_change=view(State.CONFIRMED, SyncStatus.SYNCED, READ)),
        row(1, "Bayside Wholesale", status=archived, last_change=view(State.CONFIRMED, SyncStatus.PENDING)),
        row(2, "Bayside Fish & Chips", last_change=view(State.SENDING)),
        row(3, "City Limousines", owes=1_234_550, last_change=view(State.SENDING, action=Action.RESTORE)),
        row(4, "Gateway Motors", status=archived, last_change=view(State.AWAITING_USER)),
        row(5, "Hoyt Productions", last_change=view(State.REFUSED)),
        row(6, "Marine Systems", owes=-1_250, last_change=view(State.QUEUED)),
        row(7, "Port & Philip Freight", last_change=view(State.UNKNOWN)),
        row(8, "Ridgeway University", status=archived, last_change=view(State.CONFIRMED, SyncStatus.MISSED)),
        row(
            9,
            "Truxton Property",
            status=archived,
            last_change=view(State.CONFIRMED, SyncStatus.EXPECTED, NOW),
        ),
        row(10, "Young Bros Transport", last_change=view(State.CONFIRMED, SyncStatus.EXPECTED, EARLIER)),
        row(11, "Gone Away", status=ContactStatus.GDPRREQUEST, email=""),
        row(12, "Merged Twice", status=archived, is_merged=True),
        *(row(20 + number, name, owes=123_456) for number, name in enumerate(HOSTILE)),
        *(row(number) for number in range(100, 140)),
    ]


def still(host: Host) -> Host:
    """Stop the spinner, so that every picture is the same."""
    host.animation_level = "none"
    return host


def test_the_all_tab(snap_compare: Callable[..., bool]) -> None:
    host = still(Host(found(believable(), Tab.ALL)))
    assert snap_compare(host, terminal_size=(120, 36), press=["down", "space", "space", "up"])


@pytest.mark.parametrize("theme", ["textual-light", "ansi-dark"])
def test_themes_on_a_tab_with_dimmed_rows(snap_compare: Callable[..., bool], theme: str) -> None:
    host = still(Host(found(believable(), Tab.ACTIVE, "bay CAFE co")))
    host.theme = theme
    assert snap_compare(host, terminal_size=(120, 36), press=["space", "down", "space"])


def test_hostile_names(snap_compare: Callable[..., bool]) -> None:
    rows = [
        row(n, name, email=name, owes=99, last_change=view(State.QUEUED)) for n, name in enumerate(HOSTILE)
    ]
    assert snap_compare(still(Host(found(rows, Tab.ACTIVE, "koutou"))), terminal_size=(120, 36))


def test_no_rows(snap_compare: Callable[..., bool]) -> None:
    async def say_why(pilot: Pilot[None]) -> None:
        pilot.app.query_one(
            "ContactTable"
        ).empty_text = "No active contact has “[bayz]”.\n\nesc clears the search"  # type: ignore[attr-defined]
        await pilot.pause()

    assert snap_compare(still(Host(found([]))), terminal_size=(80, 24), run_before=say_why)
