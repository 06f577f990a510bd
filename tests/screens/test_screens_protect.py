"""Keep and protect, the second question about protected contacts, and leaving out those with warnings."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.idle_engine import IdleEngine
from support.pictures import text_of
from support.sample_contacts import contact_id, contacts
from support.screen_test import Driver, running
from textual.widgets import Button, Input

from tui.model.change import Action, State
from tui.model.contact import Balances, Contact, ContactStatus
from tui.model.marks import MarkKind
from tui.screens.contact import ContactScreen
from tui.screens.dialogs import ask
from tui.screens.dialogs.ask import AskScreen
from tui.screens.dialogs.confirm import ConfirmScreen
from tui.screens.tenancy.tenant_groups import TenantGroupsScreen

KEEP, PROTECT, LEAVE_OUT = "z", "A", "ctrl+l"


def requested(backend: IdleEngine) -> list[tuple[str, ...]]:
    return [call[2] for call in backend.calls if call[0] == "request"]


def _active(count: int) -> list[Contact]:
    return [replace(one, status=ContactStatus.ACTIVE) for one in contacts(count)]


def title(person: Driver) -> str:
    return str(person.screen.query_one(".dialog").border_title)


async def test_keep_and_protect_are_toggled_in_the_list(backend: IdleEngine) -> None:
    marks = backend._store.marks
    async with running(backend) as person:
        await person.press(KEEP)
        assert person.bottom_line == "Contact marked as kept: Tidy up doesn't suggest it."
        assert marks.all().kept == {contact_id(0)}
        # One of two has the mark: both get it.
        await person.press("space", "space", KEEP)
        assert marks.all().kept == {contact_id(0), contact_id(1)}
        await person.press(KEEP)
        assert person.bottom_line == "2 contacts no longer kept: Tidy up can suggest them."
        assert not marks.all().kept
        await person.press(PROTECT)
        assert person.bottom_line == "2 contacts protected: archiving them asks twice."
        assert marks.all().protected == {contact_id(0), contact_id(1)}


async def test_the_contacts_page_shows_and_changes_the_marks(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("enter", KEEP, PROTECT)
        assert person.sees(ContactScreen)
        assert "Kept, Protected" in text_of(person.screen)
        await person.press(KEEP)
        assert "Kept" not in text_of(person.screen)


async def test_a_group_is_protected_where_tenant_groups_are_chosen(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("ctrl+g", PROTECT)
        assert person.sees(TenantGroupsScreen)
        assert "now asks twice" in person.bottom_line
        assert "protected ·" in text_of(person.screen)
        assert backend._store.marks.all().protected_groups == {"Tenants"}
        await person.press(PROTECT)
        assert not backend._store.marks.all().protected_groups


@pytest.mark.parametrize("by_group", [False, True], ids=["contact", "group"])
async def test_an_archive_of_a_protected_contact_asks_twice(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch, *, by_group: bool
) -> None:
    monkeypatch.setattr(ask, "HELD_SECONDS", 0)
    async with running(backend) as person:
        if by_group:
            await backend.marks.protect_group("Tenants", on=True)
        else:
            await backend.marks.mark_contacts(MarkKind.PROTECTED, [contact_id(1)], on=True)
        await person.press("down", "a")
        assert "! Protected" in text_of(person.screen)
        await person.press("y")
        assert person.sees(AskScreen)
        assert title(person) == "Archive 1 protected contact?"
        assert "• Aroha Tamihana" in text_of(person.screen)
        # No is the default, and leads back to the first question.
        await person.press("enter")
        assert person.sees(ConfirmScreen)
        assert not requested(backend)
        await person.press("y", "y")
        assert requested(backend) == [(contact_id(1),)]


async def test_a_key_that_is_held_down_answers_the_first_question_alone(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask, "HELD_SECONDS", 600)
    await backend.marks.mark_contacts(MarkKind.PROTECTED, [contact_id(1)], on=True)
    async with running(backend) as person:
        await person.press("down", "a", *"yyyyyyyyyy")
        assert person.sees(AskScreen)
        assert person.bottom_line == "Read the question, then press y."
        assert not requested(backend)
        monkeypatch.setattr(ask, "HELD_SECONDS", 0)
        await person.press("y")
        assert requested(backend) == [(contact_id(1),)]


def applied(backend: IdleEngine, call: str) -> int:
    return len([each for each in backend.calls if each[0] == call])


@pytest.mark.parametrize("kind", ["undo", "redo"])
async def test_undo_and_redo_ask_twice_before_they_archive_a_protected_contact(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(ask, "HELD_SECONDS", 0)
    await backend.marks.mark_contacts(MarkKind.PROTECTED, [contact_id(1)], on=True)
    async with running(backend) as person:
        if kind == "undo":
            backend.edit(1, status=ContactStatus.ARCHIVED)
            [change] = backend.request(Action.RESTORE, 1)
            backend.move(change, State.CONFIRMED)
            key = "u"
        else:
            backend.request(Action.ARCHIVE, 1)
            # Cancelling an archive archives nothing.
            await person.press("u", "y")
            assert person.is_home
            key = "U"
        before = applied(backend, "apply")
        await person.press(key, "y")
        assert title(person) == "Archive 1 protected contact?"
        assert "• Aroha Tamihana" in text_of(person.screen)
        await person.press("n")
        assert applied(backend, "apply") == before
        await person.press(key, "y", "y")
        assert applied(backend, "apply") == before + 1


async def test_an_undo_that_restores_a_protected_contact_asks_once(backend: IdleEngine) -> None:
    await backend.marks.mark_contacts(MarkKind.PROTECTED, [contact_id(1)], on=True)
    [change] = backend.request(Action.ARCHIVE, 1)
    backend.move(change, State.CONFIRMED)
    async with running(backend) as person:
        await person.press("u", "y")
        assert applied(backend, "apply") == 1


async def test_a_retry_asks_about_a_protected_contact(
    backend: IdleEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ask, "HELD_SECONDS", 0)
    await backend.marks.mark_contacts(MarkKind.PROTECTED, [contact_id(1)], on=True)
    backend.put_change(1, Action.ARCHIVE, State.REFUSED)
    async with running(backend) as person:
        await person.press("down", "R")
        assert title(person) == "Archive 1 protected contact?"
        await person.press("n")
        assert not applied(backend, "retry")
        await person.press("R", "y")
        assert applied(backend, "retry") == 1


async def test_a_restore_of_a_protected_contact_asks_once(backend: IdleEngine) -> None:
    async with running(backend) as person:
        await person.press("3", "home", PROTECT, "r", "y")
        assert len(requested(backend)) == 1


async def test_one_key_leaves_out_those_with_warnings_and_includes_them_again(backend: IdleEngine) -> None:
    backend.edit(0, balances=Balances(payable=5_000, payable_overdue=5_000))
    backend.edit(1, balances=Balances())
    async with running(backend) as person:
        await person.press("space", "space", "a")
        assert "You owe 50.00, all of it overdue." in text_of(person.screen)
        await person.press(LEAVE_OUT)
        assert title(person) == "Archive 1 of 2 contacts?"
        assert "Left out:" in text_of(person.screen)
        assert "You owe 50.00, all of it overdue." in text_of(person.screen)
        await person.press(LEAVE_OUT)
        assert title(person) == "Archive 2 contacts?"
        await person.press(LEAVE_OUT, "y")
        assert requested(backend) == [(contact_id(1),)]


async def test_without_warnings_the_key_says_so(backend: IdleEngine) -> None:
    backend.edit(0, balances=Balances())
    async with running(backend) as person:
        await person.press("a", LEAVE_OUT)
        assert person.bottom_line == "None of these has a warning."


@pytest.mark.parametrize(("owing", "left"), [(3, 33), (20, 16)], ids=["still many", "few"])
async def test_the_number_to_type_follows_what_is_left_out(owing: int, left: int) -> None:
    backend = IdleEngine(
        [
            replace(contact, balances=Balances(receivable=100) if number < owing else Balances(), groups=())
            for number, contact in enumerate(
                replace(one, status=ContactStatus.ACTIVE) for one in contacts(36)
            )
        ]
    )
    async with running(backend) as person:
        await person.press("*", "a")
        number = person.screen.query_one("#number", Input)
        assert number.placeholder == "Type 36 to confirm"
        await person.press(LEAVE_OUT)
        assert title(person) == f"Archive {left} of 36 contacts?"
        assert number.display is (left > 25)
        # Few contacts are confirmed by a key, many by typing how many there are now.
        await person.press(*([*"33", "enter"] if left > 25 else ["y"]))
        assert len(requested(backend)[0]) == left


async def test_all_with_warnings_leaves_nothing_to_confirm(backend: IdleEngine) -> None:
    backend.edit(0, balances=Balances(receivable=100))
    async with running(backend) as person:
        await person.press("a", LEAVE_OUT)
        assert person.screen.query_one("#confirm", Button).disabled
        await person.press("y")
        assert person.bottom_line == "None of these can be changed."


@pytest.mark.parametrize("action", Action, ids=lambda action: action.value)
async def test_another_currency_and_balances_are_shown(backend: IdleEngine, action: Action) -> None:
    await backend._store.set_base_currency("NZD")
    number = 0 if action is Action.ARCHIVE else 5
    backend.edit(number, raw=b'{"DefaultCurrency": "aud"}', balances=Balances(payable=700))
    async with running(backend) as person:
        await person.press(*(("a",) if action is Action.ARCHIVE else ("3", "home", "r")))
        shown = " ".join(text_of(person.screen).split())
        assert "In AUD, your organisation in NZD." in shown
        assert "You owe 7.00." in shown
