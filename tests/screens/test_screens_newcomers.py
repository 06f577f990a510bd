"""What people asked who saw Reshelve for the first time: each answer is on the screen or in the README."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support.comparisons import line
from support.pictures import text_of
from support.sample_contacts import NOW
from support.screen_test import running

from tui.actions import ACTIONS, key_name
from tui.model.contact import ContactStatus
from tui.screens.compare import formatting as comparing

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine

pytestmark = pytest.mark.slow

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_what_a_caret_before_a_key_means() -> None:
    assert any(key_name(key).startswith("^") for item in ACTIONS for key in item.keys.split(","))
    assert "`^f` means `Ctrl+F`" in README


async def test_what_the_contacts_outside_both_tabs_are(backend: IdleEngine) -> None:
    backend.edit(5, status=ContactStatus.GDPRREQUEST)
    async with running(backend) as person:
        assert "1 GDPR or deleted" in text_of(person.screen)


async def test_what_a_blank_amount_means(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("s")
        assert "Blank:" not in text_of(person.screen)
        await person.press(*["down"] * 3)
        assert "They owe" in text_of(person.screen)
        assert "Blank: Xero hasn't returned the balance. A dash is zero." in text_of(person.screen)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (160, 48)], ids=["80x24", "120x36", "160x48"])
async def test_what_the_columns_of_the_changes_are(busy: IdleEngine, size: tuple[int, int]) -> None:
    async with running(busy, size) as person:
        await person.press("l")
        lines = text_of(person.screen).splitlines()
        [titles] = [line for line in lines if "Requested" in line and "Contact" in line]
        rows = [line for line in lines if "archive  " in line or "restore  " in line]
        assert len(rows) > 5
        for row in rows:
            found = re.search("archive  |restore  ", row)
            assert found is not None
            # Whether it has a reason or not.
            assert titles.index("Change") == found.start()
        refused = next(row for row in rows if "Refused" in row)
        assert ("Reason" in titles) == ("Contacts cannot" in refused)


@pytest.mark.parametrize(("is_file", "where"), [(True, "line 206"), (False, "")])
def test_only_a_file_has_lines(where: str, *, is_file: bool) -> None:
    entry = comparing.ComparisonEntry(line(206, 1, ContactStatus.ACTIVE))
    shown, _ = comparing.state(entry, comparing.LineContext(comparing.LineKind.FILE, is_file=is_file), NOW)
    assert shown == where
    assert ("Where" in comparing.titles(comparing.LineKind.FILE, 120, is_file=is_file).plain) == is_file
