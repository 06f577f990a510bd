"""Text for a test of the connection to Re-Leased, on screen and on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.messages import formats
from tui.widgets.text import safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.model.re_leased import ConnectionTest, ReadCounts, ReLeasedContact

_LONGEST_NAME: Final = 80
_LONGEST_VALUE: Final = 60
_STATUSES: Final = {None: "no status", False: "active", True: "archived"}
_COUNT_WIDTH: Final = 9


def report(test: ConnectionTest, *, shows_values: bool, how_to_show: str = "") -> Iterator[str]:
    """Yield the report line by line: the numbers, the examples, and what Reshelve can know.

    `how_to_show` says how to show the values; without `shows_values`, they are hidden.
    """
    yield f"Re-Leased's contacts for {_name(test.organisation)}, {formats.date_and_time(test.began_at)}:"
    for label, count in count_rows(test.counts):
        yield f"{formats.format_number(count):>{_COUNT_WIDTH}} {label}"
    yield ""
    if test.examples:
        hidden = "" if shows_values else f" Values are hidden. {how_to_show}".rstrip()
        yield f"Fields of Re-Leased's own record, by example.{hidden}"
    yield from example_lines(test.examples, shows_values=shows_values)
    yield from field_hints(test)
    yield ""
    yield conclusion(test)


def count_rows(counts: ReadCounts) -> tuple[tuple[str, int], ...]:
    """Return the numbers of a read, each with its label."""
    return (
        ("contacts", counts.total),
        ("with a status", counts.with_status),
        ("archived", counts.archived),
        ("with Xero's ContactID", counts.with_xero_id),
        ("matched with a contact in Xero", counts.matched),
        ("unclear: similar to a contact in Xero, or to several", counts.unclear),
        ("unmatched", counts.unmatched),
        ("unreadable, left out", counts.unreadable),
        ("of another company, left out", counts.other_company),
        ("deleted in Re-Leased, left out", counts.deleted),
    )


def example_lines(examples: tuple[ReLeasedContact, ...], *, shows_values: bool) -> Iterator[str]:
    """Yield the examples with the fields of Re-Leased's own record, by the path that a setting takes.

    Without `shows_values`, nothing that a field contains is shown, so that the report can be passed on.
    """
    for number, contact in enumerate(examples, 1):
        values = contact.raw_fields()
        names = "" if shows_values else ", ".join(map(_name, values))
        yield f"  {number}  {_STATUSES[contact.archived]}: {names or formats.pluralize(len(values), 'field')}"
        if shows_values:
            for path, value in values.items():
                yield f"     {_name(path)} = {safe(value, _LONGEST_VALUE)}"


def field_hints(test: ConnectionTest) -> Iterator[str]:
    """Yield which settings take a field of the examples, or what is wrong with the fields chosen there."""
    counts, mapping = test.counts, test.mapping
    if not counts.total or mapping is None:
        return
    without_status = counts.total - counts.with_status
    if mapping.archived_field and without_status:
        yield (
            f"{_contacts(without_status)} came without a status although re_leased.archived_field is set: "
            f"{_name(mapping.archived_field)} is missing there, is empty, has a value that means neither, or "
            "contradicts is_active."
        )
    elif without_status:
        yield (
            "If a field shows which contacts are archived, name it in a setting: reshelve settings "
            "re_leased.archived_field raw.NAME"
        )
    if mapping.xero_id_field and not counts.with_xero_id:
        yield (
            f"No contact has a value in {_name(mapping.xero_id_field)}, which re_leased.xero_id_field names."
        )
    elif not counts.with_xero_id:
        yield (
            "If a field has Xero's ContactID, name it in a setting: reshelve settings "
            "re_leased.xero_id_field raw.NAME"
        )


def conclusion(test: ConnectionTest) -> str:
    """Return what Reshelve can and can't know through this connection, in one sentence."""
    return _nothing_known(test) or _nothing_confirmed(test) or _confirmed(test)


def _nothing_known(test: ConnectionTest) -> str:
    """Return why the organisation's contacts aren't among those that came back; empty if they are."""
    counts, name = test.counts, _name(test.organisation)
    if test.has_several_companies:
        return (
            "These are the contacts of several companies in Re-Leased, so nothing can be known until you "
            f"choose that of {name} with `reshelve re-leased connect`."
        )
    if test.is_other_company:
        alike = formats.format_number(counts.matched + counts.unclear)
        return (
            f"These look like another company's contacts ({alike} of {formats.format_number(counts.total)} "
            f"match {name}), so nothing can be known until you choose the right company with "
            "`reshelve re-leased connect`."
        )
    if counts.total:
        return ""
    if counts.other_company:
        return (
            f"Only contacts of another company came back ({formats.format_number(counts.other_company)}), so "
            f"nothing can be known about {name} until you choose the right company with "
            "`reshelve re-leased connect`."
        )
    problem = "None of the contacts can be read" if counts.unreadable else "No contacts came back"
    return f"{problem}, so nothing can be known about {name} in Re-Leased."


def _nothing_confirmed(test: ConnectionTest) -> str:
    """Return why the contacts can't confirm any change; empty if they can."""
    counts = test.counts
    if not counts.with_status:
        problem = "Re-Leased doesn't return whether a contact is archived"
    elif not counts.matched:
        problem = f"None of the contacts certainly matches one of {_name(test.organisation)} in Xero"
    elif not test.confirmable:
        problem = "None of the contacts that match one in Xero came with a status"
    elif counts.archived in {0, counts.with_status}:
        # A field that always has the same value, such as an empty default, looks like this too.
        return (
            f"Every contact with a status is {_STATUSES[counts.archived > 0]}, so Reshelve can't know "
            "yet whether this connection distinguishes archived from active contacts."
        )
    else:
        return ""
    return f"{problem}, so Reshelve can't confirm that Re-Leased has a change."


def _confirmed(test: ConnectionTest) -> str:
    rest = test.counts.total - test.confirmable + test.counts.unreadable
    if not rest:
        return (
            "Reshelve can confirm changes of all these contacts in Re-Leased, as each of them came with a "
            "status and matches one in Xero."
        )
    others = "the other one" if rest == 1 else f"the other {formats.format_number(rest)}"
    doubt = ""
    if (test.counts.matched + test.counts.unclear) * 2 < test.counts.total:
        doubt = f": fewer than half match {_name(test.organisation)}, so check that this is its company"
    return (
        f"Reshelve can confirm changes of {_contacts(test.confirmable)} in Re-Leased, but not of {others}, "
        f"which came without a status, don't certainly match one in Xero, or can't be read{doubt}."
    )


def _contacts(count: int) -> str:
    return formats.pluralize(count, "contact")


def _name(text: str) -> str:
    return safe(text, _LONGEST_NAME)
