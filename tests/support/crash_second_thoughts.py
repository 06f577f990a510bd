"""Later actions, by keys alone: undo, redo, retry, cancel, pause and resume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from support.crash_audit import Asked
from support.crash_site import PAUSED

from tui.model.change import Action, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.crash_site import Site


def undo(site: Site, size: int) -> Callable[[], None]:
    """Have archives confirmed; the returned function undoes them, by restores that wait for the user."""
    _archive(site, size)
    site.until(site.is_done, "archiving")
    _ask(site, "u", f"Undo {size} archive")
    site.asked.append(Asked(Action.RESTORE, site.asked[-1].contact_ids))
    return lambda: site.program().write("y")


def redo(site: Site, size: int) -> Callable[[], None]:
    """Have archives undone before they are sent; the returned function redoes them."""
    site.toggle_pause()
    _archive(site, size)
    _ask(site, "u", f"Undo {size} archive")
    site.program().write("y")
    site.until(lambda: site.states() == {State.CANCELLED}, "undoing")
    _ask(site, "U", f"Redo {size} archive")
    return lambda: site.program().write("y")


def retry(site: Site, size: int) -> Callable[[], None]:
    """Have one refused for a reason that is gone since; the returned function retries it."""
    assert size == 1
    word = site.fill(1, Action.ARCHIVE)
    [contact_id] = site.asked[-1].contact_ids
    site.practice.somebody("repeating", contact_id)
    site.choose(word, 1, Action.ARCHIVE)
    site.confirm(1)
    site.until(lambda: site.states() == {State.REFUSED}, "the refusal")
    site.practice.somebody("repeating", contact_id, repeating=False)
    site.program().until_shown("✗ Refused by Xero")
    return lambda: site.program().write("R")


def take_back(site: Site, size: int) -> Callable[[], None]:
    """Have one queued that can't be sent yet; the returned function cancels it."""
    assert size == 1
    site.toggle_pause()
    _archive(site, 1)
    site.program().write("l")
    site.program().until_shown("x Cancel")
    _ask(site, "x", "Cancel this change?")
    return lambda: site.program().write("y")


def pause(site: Site, _: int) -> Callable[[], None]:
    """Have nothing to send; the returned function pauses sending."""
    site.program().until_shown("All ")
    site.program().write("P")
    site.program().until_shown("y Pause")
    return lambda: site.program().write("y")


def go_on(site: Site, size: int) -> Callable[[], None]:
    """Have archives wait during a pause; the returned function ends it."""
    site.toggle_pause()
    _archive(site, size)
    return lambda: site.program().write("P")


DEEDS: Final = {
    "undoing": undo,
    "redoing": redo,
    "trying again": retry,
    "taking back": take_back,
    "pausing": pause,
    "going on": go_on,
}


def judge(site: Site, deed: str, size: int, *, is_kept: bool) -> None:
    """Check the change log after the crash, and return how it has to end."""
    if deed == "trying again":
        site.asked[-1].is_journalled = True
        site.asked[-1].ends_as = State.CONFIRMED if is_kept else State.REFUSED
    elif deed == "taking back":
        site.asked[-1].is_journalled = True
        site.asked[-1].ends_as = State.CANCELLED if is_kept else State.CONFIRMED
    elif deed in {"pausing", "going on"}:
        assert site.is_paused == (is_kept == (deed == "pausing")), "the pause isn't as it was left"
        if deed == "pausing":
            _archive(site, size)
        site.asked[-1].is_journalled = True
    else:
        site.note_journalled()
        assert site.asked[-1].is_journalled == is_kept, "what was committed is lost, or too early there"


def end_pause(site: Site) -> None:
    """Check that a pause survives the crash with nothing sent, and end it."""
    if site.is_paused:
        site.program().until_shown(PAUSED)
        assert site.states() <= {State.QUEUED, State.CANCELLED}, "sent in spite of the pause"
        site.toggle_pause()


def _archive(site: Site, size: int) -> None:
    word = site.fill(size, Action.ARCHIVE)
    site.choose(word, size, Action.ARCHIVE)
    site.confirm(size)
    site.until(lambda: site.is_journalled(word), "asking")
    site.asked[-1].is_journalled = True


def _ask(site: Site, key: str, question: str) -> None:
    """Press a key until its dialog opens, as the row under the cursor may just be changing."""
    site.program().write(key)
    site.program().until_shown(question)
