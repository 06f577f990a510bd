"""Every list that is empty says what to do next, with keys that do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.idle_engine import IdleEngine
from support.pictures import text_of
from support.screen_test import running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

# How many contacts there are, the keys that lead to an empty list, and the advice there.
EMPTY = [
    pytest.param(0, (), "Add them in Xero: they appear here, or press F5.", id="contacts"),
    pytest.param(0, ("2",), "Press 1 to show all.", id="active"),
    pytest.param(1, ("3",), "Press 1 to show all.", id="archived"),
    pytest.param(3, ("/", "z", "q"), "Press esc to clear the search.", id="search"),
    pytest.param(3, ("space", "v", "3"), "Press v to show all contacts.", id="selected"),
    pytest.param(3, ("enter",), "None yet. Archive with a, restore with r.", id="contact"),
    pytest.param(3, ("l",), "Press esc, then archive or restore a contact.", id="changes"),
    *(
        pytest.param(3, ("l", key), "Press 1 to show all changes.", id=f"changes-{key}")
        for key in ("2", "3", "4", "5")
    ),
    pytest.param(3, ("l", "/", "z", "q"), "Press esc to clear the search.", id="changes-search"),
    pytest.param(0, ("ctrl+g",), "To create one in Xero", id="groups"),
    pytest.param(3, ("f",), "export the contacts from Re-Leased first", id="files"),
    pytest.param(3, ("f", "z", "q"), "No CSV or Excel file or folder starts like that.", id="files-typed"),
]


@pytest.fixture(autouse=True)
def _no_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(("contacts", "keys", "advice"), EMPTY)
@pytest.mark.parametrize("size", [(60, 20), (120, 36)], ids=["60x20", "120x36"])
async def test_an_empty_list_says_what_to_do(
    contacts: int, keys: tuple[str, ...], advice: str, size: tuple[int, int]
) -> None:
    async with running(IdleEngine.with_contacts(contacts) if contacts else IdleEngine(()), size) as person:
        await person.press(*keys)
        shown = " ".join(text_of(person.screen).replace("│", " ").split())
        assert advice in shown, text_of(person.screen)


async def test_a_pane_without_changes_says_what_to_do(backend: IdleEngine) -> None:
    async with running(backend) as person:
        assert "Archive with a, restore with r." in " ".join(person.pane.split())
