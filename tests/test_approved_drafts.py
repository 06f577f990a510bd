"""The file of approved Drafts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tui.system.approved_drafts import MAX_KEPT, read_approved, save_approved

if TYPE_CHECKING:
    from pathlib import Path

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


def test_what_is_saved_is_read_and_can_be_removed(tmp_path: Path) -> None:
    file = tmp_path / "approved.json"
    save_approved(file, "one", NOON)
    save_approved(file, "two", NOON)
    save_approved(file, "one", None)
    assert read_approved(file) == {"two": NOON}


@pytest.mark.parametrize(
    "damaged", [b"", b"[]", b"\xff", b'{"one": 5, "two": "2026-11-30T12:00:00"}', b"[" * 99_999]
)
def test_a_damaged_file_has_none(tmp_path: Path, damaged: bytes) -> None:
    file = tmp_path / "approved.json"
    file.write_bytes(damaged)
    assert read_approved(file) == {}


def test_the_oldest_are_dropped(tmp_path: Path) -> None:
    file = tmp_path / "approved.json"
    entries = (
        f'"{number}": "{(NOON + timedelta(minutes=number)).isoformat()}"' for number in range(MAX_KEPT)
    )
    file.write_text(f"{{{','.join(entries)}}}", encoding="utf-8")
    save_approved(file, "new", NOON + timedelta(days=9))
    approved = read_approved(file)
    assert len(approved) == MAX_KEPT
    assert "new" in approved
    assert "0" not in approved
