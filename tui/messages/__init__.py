"""The program's texts: reason codes in, plain English out.

Everything below the screens returns and raises values; screens and commands turn them into text here, with
one module per part of the program.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.messages import comparison, contacts, network, re_leased, settings, sign_in, store, texts
from tui.messages.texts import Text, fill_in
from tui.model.query import fold
from tui.model.reasons import ChangeReason, Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui.model.change import Change, ChangeLogEntry
    from tui.model.errors import ReshelveError
    from tui.model.reasons import Param, Reason

_TEXTS: dict[Reason, Text | Callable[[Mapping[str, Param]], Text]] = {
    **texts.TEXTS,
    **network.TEXTS,
    **sign_in.TEXTS,
    **re_leased.TEXTS,
    **comparison.TEXTS,
    **settings.TEXTS,
    **store.TEXTS,
    **contacts.TEXTS,
}


def text_of(notice: Notice) -> Text:
    """Return the text of a notice, with its parameters filled in.

    Stored parameters may be damaged, or come from another version of Reshelve: the text then says only that.
    """
    try:
        text = _TEXTS[notice.reason]
        if not isinstance(text, Text):
            text = text(notice.params)
        return Text(fill_in(text.message, notice.params), fill_in(text.next_step, notice.params), text.action)
    except (KeyError, TypeError, ValueError):
        return text_of(Notice(ChangeReason.UNKNOWN))


def message(about: Notice | ReshelveError) -> str:
    """Return what happened, as a sentence."""
    return as_sentence(_text(about).message)


def next_step(about: Notice | ReshelveError) -> str:
    """Return what to do next; empty if there is nothing to do."""
    return _text(about).next_step


def action(about: Notice | ReshelveError) -> str:
    """Return the ID of the action that helps; empty if none does."""
    return _text(about).action


def in_full(about: Notice | ReshelveError) -> str:
    """Return what happened and what to do next, without the key of an action."""
    return f"{message(about)} {next_step(about)}".strip()


def why(about: Change | ChangeLogEntry) -> str:
    """Return the reason for a change's state, in Xero's own words if it gave any; may be empty."""
    if about.message or about.notice is None:
        return about.message
    return message(about.notice)


def reasons_with(word: str) -> tuple[Reason, ...]:
    """Return the reasons whose texts contain a folded word."""
    return tuple(
        reason for reason, text in _TEXTS.items() if isinstance(text, Text) and word in fold(text.message)
    )


def as_sentence(text: str) -> str:
    """Add the full stop that Xero's messages often lack."""
    return text if not text or text.endswith((".", "!", "?", "…")) else f"{text}."


def _text(about: Notice | ReshelveError) -> Text:
    return text_of(about.notice if isinstance(about, Exception) else about)
