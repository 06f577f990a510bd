"""Matching and comparing: certain or the user's choice, and proof of no more than was seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tui.model.change import Action, Change, Origin, State
from tui.model.comparison import (
    FileComparison,
    Matcher,
    MismatchReason,
    XeroContact,
    compare,
    resolve_ambiguous,
    text_key,
)
from tui.model.contact import ContactStatus
from tui.model.contact_file import FileContact, FileSource
from tui.model.evidence import proves
from tui.model.reasons import FileNote, Notice

DATED = datetime(2026, 3, 4, 9, tzinfo=UTC)
SOURCE = FileSource("contacts.csv", "0123456789abcdef", DATED)
ACTIVE, ARCHIVED, GDPR, GONE = (
    ContactStatus.ACTIVE, ContactStatus.ARCHIVED, ContactStatus.GDPRREQUEST, ContactStatus.DELETED,
)  # fmt: skip
with_examples = settings(deadline=None)


def xero_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def xero(number: int, status: ContactStatus = ACTIVE, name: str = "", email: str = "") -> XeroContact:
    return XeroContact(xero_id(number), name or f"Contact {number}", email, status)


def told(line: int, status: ContactStatus = ACTIVE, **fields: Any) -> FileContact:
    return FileContact(line, status, **fields)


def change(number: int, minutes: float, action: Action, change_id: int = 1, **fields: Any) -> Change:
    at = DATED + timedelta(minutes=minutes)
    given: dict[str, Any] = {"state": State.CONFIRMED, "confirmed_at": at}
    return Change(
        change_id, "b", xero_id(number), "x", action, Origin.RESHELVE,
        requested_at=at, updated_at=at, **(given | fields),
    )  # fmt: skip


def held(lines: list[FileContact], contacts: list[XeroContact], *changes: Change) -> FileComparison:
    by_contact: dict[str, list[Change]] = {}
    for each in changes:
        by_contact.setdefault(each.contact_id, []).append(each)
    return compare(SOURCE, lines, contacts, by_contact)


# --- matching ---


def meant(line: FileContact, *contacts: XeroContact) -> tuple[list[str], bool]:
    found = Matcher(contacts).candidates(line)
    return [one.name for one in found.contacts], found.is_certain


@pytest.mark.parametrize("written", ["{}", "{{{}}}", " {} "])
def test_xero_id_alone_decides_the_match(written: str) -> None:
    line = told(2, xero_id=written.format(xero_id(1).upper()), name="Someone else", email="other@b.example")
    assert meant(line, xero(1), xero(2, name="Someone else")) == (["Contact 1"], True)
    unhyphened = told(2, xero_id=xero_id(1).replace("-", ""))
    assert meant(unhyphened, xero(1)) == (["Contact 1"], True)


def test_unknown_xero_id_does_not_match_by_name() -> None:
    assert meant(told(2, xero_id=xero_id(9), name="Contact 1"), xero(1)) == ([], False)


def test_invalid_xero_id_is_ignored() -> None:
    assert meant(told(2, xero_id="RL-17", name="contact 1"), xero(1)) == (["Contact 1"], True)


@pytest.mark.parametrize(
    ("name", "email", "expected"),
    [
        ("CAFÉ  noir", "A@B.example", (["Cafe Noir"], True)),
        ("Ｃafe Noir", "", (["Cafe Noir"], True)),
        ("", "a@b.example", (["Cafe Noir"], True)),
        ("Cafe Noir", "other@b.example", (["Cafe Noir"], False)),
        ("Renamed", "a@b.example", (["Cafe Noir"], False)),
        ("Nobody", "no@b.example", ([], False)),
        ("", "", ([], False)),
        ("Mailless", "any@b.example", (["Mailless"], True)),
        ("Cafe Noir", "twin@b.example", (["Cafe Noir", "Twin", "Twin"], False)),
        ("Twin", "twin@b.example", (["Twin", "Twin"], False)),
        ("", "twin@b.example", (["Twin", "Twin"], False)),
        ("Twin", "", (["Twin", "Twin"], False)),
    ],
)
def test_names_and_emails_decide_or_the_user_is_asked(
    name: str, email: str, expected: tuple[list[str], bool]
) -> None:
    contacts = (
        xero(1, name="Cafe Noir", email="a@b.example"),
        xero(2, name="Mailless"),
        xero(3, name="Twin", email="twin@b.example"),
        xero(4, ARCHIVED, name="Twin", email="twin@b.example"),
    )
    assert meant(told(2, name=name, email=email), *contacts) == expected


_NAMES = st.sampled_from(["", "Ada", "ada ", "Bob", "Bób", "Cy"])
_EMAILS = st.sampled_from(["", "a@b.example", "A@B.example", "c@d.example"])
_STATUSES = st.sampled_from([ACTIVE, ARCHIVED])
_CONTACTS = st.lists(st.tuples(_STATUSES, _NAMES, _EMAILS), max_size=6).map(
    lambda rows: [
        XeroContact(xero_id(n), name, email, status) for n, (status, name, email) in enumerate(rows)
    ]
)
_LINES = st.lists(
    st.tuples(_STATUSES, _NAMES, _EMAILS, st.sampled_from(["", "RL-1", *map(xero_id, range(8))])), max_size=8
).map(lambda rows: [FileContact(n, s, key, name, email) for n, (s, name, email, key) in enumerate(rows, 2)])


@with_examples
@given(_CONTACTS, _LINES)
def test_certain_match_has_no_other_candidate(contacts: list[XeroContact], lines: list[FileContact]) -> None:
    matcher = Matcher(contacts)
    for line in lines:
        found = matcher.candidates(line)
        assert len(set(found.contacts)) == len(found.contacts) or not found.is_certain
        if not found.is_certain:
            continue
        [one] = found.contacts
        if one.contact_id == line.xero_id:
            continue
        names = text_key(line.name), text_key(line.email)
        fits = [
            each
            for each in contacts
            if (not names[0] or text_key(each.name) == names[0])
            and (not names[1] or not text_key(each.email) or text_key(each.email) == names[1])
            # Values missing in the line or the contact can't match, and one of name and e-mail has to.
            and (names[0] or text_key(each.email))
        ]
        exact = [each for each in fits if (text_key(each.name), text_key(each.email)) == names]
        assert (exact or fits) == [one]


# --- the groups of a comparison ---


@with_examples
@given(_CONTACTS, _LINES)
def test_every_line_is_in_one_group_and_every_contact_in_at_most_one(
    contacts: list[XeroContact], lines: list[FileContact]
) -> None:
    found = held(lines, contacts)
    placed = [one.listed.line for one in found.matches]
    placed += [one.listed.line for one in found.mismatches]
    placed += [one.listed.line for one in found.ambiguous]
    placed += [one.line for one in found.only_in_file]
    assert len(set(placed)) == len(placed)
    assert len(placed) + found.repeated == len(lines)
    settled = [one.contact.contact_id for one in found.matches]
    settled += [one.contact.contact_id for one in found.mismatches]
    settled += [one.contact_id for one in found.only_in_xero]
    assert len(set(settled)) == len(settled)
    assert all(one.listed.status is one.contact.status for one in found.matches)
    assert all(one.listed.status is not one.contact.status for one in found.mismatches)
    asked = {each.contact_id for one in found.ambiguous for each in one.candidates}
    assert not asked & {one.contact_id for one in found.only_in_xero}


@with_examples
@given(_CONTACTS, _LINES, st.data())
def test_the_users_choices_keep_every_line_in_one_group(
    contacts: list[XeroContact], lines: list[FileContact], data: st.DataObject
) -> None:
    found = held(lines, contacts)
    choices = {
        one.listed.line: data.draw(st.sampled_from([None, *(each.contact_id for each in one.candidates)]))
        for one in found.ambiguous
        if data.draw(st.booleans())
    }
    chosen = resolve_ambiguous(found, choices)
    before = {one.listed.line for one in found.ambiguous}
    after = {one.listed.line for one in chosen.ambiguous}
    assert before - choices.keys() <= after
    total = sum(map(len, (chosen.matches, chosen.mismatches, chosen.ambiguous, chosen.only_in_file)))
    assert total + chosen.repeated == len(lines)
    by_line = {one.listed.line: one.contact.contact_id for one in chosen.matches}
    by_line |= {one.listed.line: one.contact.contact_id for one in chosen.mismatches}
    assert all(choices[line] == by_line[line] for line in choices.keys() & by_line.keys())


def test_differing_statuses_are_found_in_both_directions() -> None:
    lines = [told(2, ACTIVE, name="Contact 1"), told(3, ARCHIVED, name="Contact 2")]
    one, two = held(lines, [xero(1, ARCHIVED), xero(2, ACTIVE)]).mismatches
    assert (one.action, two.action) == (Action.RESTORE, Action.ARCHIVE)


def test_only_contacts_with_a_status_of_the_file_can_be_missing_from_it() -> None:
    found = held([told(2, ARCHIVED, name="Contact 1")], [xero(1, ARCHIVED), xero(2, ARCHIVED), xero(3)])
    assert [one.name for one in found.only_in_xero] == ["Contact 2"]


@pytest.mark.parametrize("status", [GDPR, GONE])
def test_contacts_that_cannot_be_changed_are_not_compared(status: ContactStatus) -> None:
    found = held([told(2, name="Contact 1")], [xero(1, status)])
    assert ([one.line for one in found.only_in_file], found.only_in_xero) == ([2], ())


def test_a_contact_with_two_statuses_needs_review() -> None:
    lines = [told(2, ACTIVE, name="Contact 1"), told(3, ARCHIVED, name="contact 1")]
    found = held([*lines, told(4, ACTIVE, name="Contact 2"), told(5, ACTIVE, name="Contact 2")],
                 [xero(1), xero(2)])  # fmt: skip
    assert [(one.listed.line, len(one.candidates)) for one in found.ambiguous] == [(2, 1), (3, 1)]
    assert ([one.listed.line for one in found.matches], found.repeated) == ([4], 1)
    chosen = resolve_ambiguous(found, {2: xero_id(1), 3: None})
    assert [one.listed.line for one in chosen.matches] == [2, 4]
    assert [one.line for one in chosen.only_in_file] == [3]


def test_a_choice_has_to_be_a_candidate() -> None:
    found = held([told(2, name="Twin")], [xero(1, name="Twin"), xero(2, name="Twin"), xero(3)])
    with pytest.raises(ValueError, match="line 2"):
        resolve_ambiguous(found, {2: xero_id(3)})


def test_ids_of_another_organisation_are_reported() -> None:
    found = held([told(2, xero_id=xero_id(8)), told(3, xero_id=xero_id(9))], [xero(1)])
    assert found.notes == (Notice(FileNote.OTHER_ORGANISATION),)
    found = held([told(2, xero_id="17", name="Contact 1")], [xero(1)])
    assert found.notes == (Notice(FileNote.INVALID_IDS, {"count": 1}),)
    assert held([told(2, xero_id=xero_id(1)), told(3, xero_id=xero_id(9))], [xero(1)]).notes == ()


# --- why it differs ---


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ([], MismatchReason.UNKNOWN),
        ([change(1, -5, Action.ARCHIVE)], MismatchReason.PENDING),
        ([change(1, -5, Action.ARCHIVE, synced_at=DATED)], MismatchReason.UNKNOWN),
        ([change(1, -5, Action.ARCHIVE, superseded=True)], MismatchReason.UNKNOWN),
        ([change(1, -5, Action.ARCHIVE, checked_at=DATED)], MismatchReason.UNKNOWN),
        ([change(1, -5, Action.ARCHIVE, unlinked_at=DATED)], MismatchReason.NOT_LINKED),
        ([change(1, 5, Action.ARCHIVE)], MismatchReason.CHANGED_SINCE),
        ([change(1, -5, Action.ARCHIVE), change(1, 5, Action.RESTORE, 2)], MismatchReason.CHANGED_SINCE),
        ([change(1, -5, Action.ARCHIVE, state=State.QUEUED, confirmed_at=None)], MismatchReason.IN_PROGRESS),
        ([change(1, -5, Action.ARCHIVE, state=State.REFUSED, confirmed_at=None)], MismatchReason.UNKNOWN),
    ],
)
def test_difference_has_its_explanation(changes: list[Change], why: MismatchReason) -> None:
    [one] = held([told(2, ACTIVE, name="Contact 1")], [xero(1, ARCHIVED)], *changes).mismatches
    assert one.reason is why


# --- what it proves ---


@pytest.mark.parametrize(
    ("changes", "proved"),
    [
        ([change(1, -5, Action.ARCHIVE)], [1]),
        ([change(1, 0, Action.ARCHIVE)], [1]),
        ([change(1, 0.001, Action.ARCHIVE)], []),
        ([change(1, -5, Action.ARCHIVE, synced_at=DATED)], []),
        ([change(1, -5, Action.ARCHIVE, state=State.QUEUED, confirmed_at=None)], []),
        ([change(1, -9, Action.ARCHIVE), change(1, -5, Action.RESTORE, 2)], []),
        (
            [change(1, -9, Action.ARCHIVE), change(1, -7, Action.RESTORE), change(1, 0, Action.ARCHIVE, 3)],
            [3],
        ),
        (
            [change(1, -9, Action.ARCHIVE), change(1, 1, Action.RESTORE, 2), change(1, 2, Action.ARCHIVE, 3)],
            [1],
        ),
    ],
)  # fmt: skip
def test_only_the_last_change_before_the_file_is_synced(changes: list[Change], proved: list[int]) -> None:
    found = held([told(2, ARCHIVED, name="Contact 1")], [xero(1, ARCHIVED)], *changes)
    assert [one.change_id for one in found.newly_synced] == proved
    assert [one.sync_started_at for one in found.evidence] == [DATED] * len(proved)
    assert {one.run_id for one in found.evidence} <= {"file contacts.csv 0123456789ab"}


@pytest.mark.parametrize("name", ["Contact 2", "Twin"])
def test_differing_and_unclear_lines_prove_nothing(name: str) -> None:
    contacts = [xero(2), xero(3, ARCHIVED, name="Twin"), xero(4, name="Twin")]
    changes = (change(each, -5, Action.ARCHIVE) for each in (2, 3, 4))
    assert held([told(2, ARCHIVED, name=name)], contacts, *changes).evidence == ()


def test_choosing_a_contact_makes_an_unclear_line_evidence() -> None:
    contacts = [xero(3, ARCHIVED, name="Twin"), xero(4, name="Twin")]
    found = held([told(2, ARCHIVED, name="Twin")], contacts, change(3, -5, Action.ARCHIVE))
    assert [one.contact_id for one in resolve_ambiguous(found, {2: xero_id(3)}).evidence] == [xero_id(3)]
    assert resolve_ambiguous(found, {2: xero_id(4)}).evidence == ()
    assert resolve_ambiguous(found, {}) == found


_HISTORIES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(-3, 3), st.sampled_from(Action), st.booleans()), max_size=10
).map(
    lambda rows: [
        change(contact, minutes, action, number, synced_at=DATED if is_read else None)
        for number, (contact, minutes, action, is_read) in enumerate(rows)
    ]
)


@with_examples
@given(_CONTACTS, _LINES, _HISTORIES)
def test_evidence_never_exceeds_what_the_file_shows(
    contacts: list[XeroContact], lines: list[FileContact], history: list[Change]
) -> None:
    found = held(lines, contacts, *history)
    agreeing = {one.contact.contact_id: one.contact.status for one in found.matches}
    for one, proof in zip(found.newly_synced, found.evidence, strict=True):
        assert proves(proof, one)
        assert one.synced_at is None
        assert agreeing[one.contact_id] is one.action.target_status is proof.status
        later = (
            each
            for each in history
            if each.contact_id == one.contact_id and each.confirmed_at and each.confirmed_at <= DATED
        )
        assert one == max(later, key=lambda each: (each.confirmed_at or DATED, each.change_id))
    again = held(lines, contacts, *(replace(each, synced_at=DATED) for each in history))
    assert again.evidence == ()
