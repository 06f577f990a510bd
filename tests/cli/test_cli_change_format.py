"""The words and codes of what became of a change."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tui.cli.change_format import ContactOutcome, outcome_of
from tui.model.change import Action, Change, NoteState, Origin, State
from tui.model.reasons import ContactReason, Notice

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def outcome(state: State, action: Action = Action.ARCHIVE, **fields: object) -> ContactOutcome:
    change = Change(1, "b", "id-1", "Alma", action, Origin.RESHELVE, state, NOON, NOON, **fields)  # type: ignore[arg-type]
    return outcome_of(change, lambda contact_id: f"https://xero/{contact_id}")


@pytest.mark.parametrize(
    ("state", "action", "result"),
    [
        (State.QUEUED, Action.ARCHIVE, "queued"),
        (State.SENDING, Action.ARCHIVE, "sending"),
        (State.UNKNOWN, Action.ARCHIVE, "sending"),
        (State.CONFIRMED, Action.ARCHIVE, "archived"),
        (State.CONFIRMED, Action.RESTORE, "restored"),
        (State.REFUSED, Action.ARCHIVE, "refused"),
        (State.CANCELLED, Action.ARCHIVE, "cancelled"),
        (State.DISMISSED, Action.RESTORE, "dismissed"),
        (State.AWAITING_USER, Action.RESTORE, "to_finish"),
    ],
)
def test_every_state_has_a_code(state: State, action: Action, result: str) -> None:
    found = outcome(state, action)
    assert found.result == result
    assert bool(found.link) == (state is State.AWAITING_USER)
    assert bool(found.advice) == (state is State.REFUSED)


def test_a_refusal_has_xeros_words_and_what_to_do() -> None:
    found = outcome(State.REFUSED, message="Not today\x1b[31m")
    assert found.message == "Not today\x1b[31m"
    assert found.advice.startswith("Not today")
    assert "\x1b" not in found.advice
    assert "Check the contact in Xero" in found.advice
    assert "privacy request" in outcome(State.REFUSED, notice=Notice(ContactReason.GDPR)).message


def test_a_refused_note_is_said_beside_the_archive() -> None:
    assert "note" in outcome(State.CONFIRMED, note="x", note_in_xero=NoteState.REFUSED).message
    assert not outcome(State.CONFIRMED, note="x", note_in_xero=NoteState.WRITTEN).message
