"""Why an invoice fails: the contact that a message names, in every organisation, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec import Struct
from textual import getters, on
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message

from tui.actions import bindings
from tui.messages.formats import format_number, pluralize
from tui.messages.invoice_check import problems, status_sentence, status_words, steps
from tui.model.organisation_search import SearchState
from tui.screens.base_screen import NOT_MERGED, SURVIVOR_NOT_LOADED, BaseScreen, OrganisationChosen
from tui.widgets import clock
from tui.widgets.key_bar import KeyBar
from tui.widgets.labels import Details, StaticLine
from tui.widgets.search_box import SearchBox
from tui.widgets.text import content, fit
from tui.widgets.virtual_list import VirtualList

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from tui.model.account import Account
    from tui.model.invoice_check import ContactFinding, NamedContact, OrganisationFindings

#: The contacts that are shown of each organisation.
MOST_SHOWN: Final = 20
_TITLE: Final = "Why does my invoice fail?"
_NOTHING_TYPED: Final = "Paste Re-Leased's error message, or type the contact's name."
_NONE_FOUND: Final = "No contacts match in any organisation."
_NO_CONTACT: Final = "No contact is selected."
_NOT_RESTORABLE: Final = "Only an archived contact can be restored; see the steps above."
_ACTIVE: Final = "This contact is active already."
_APPROVED: Final = "Kept on this computer: the Drafts are approved again."
_NOT_APPROVED: Final = "Kept on this computer: the Drafts aren't approved yet."
_SEARCH_KEYS: Final = (("open", "Go to list"), ("clear", "Clear"), "command_palette", ("interrupt", "Quit"))
_UNSEARCHED: Final = {
    SearchState.LOADING: "not all contacts loaded yet",
    SearchState.NOT_LOADED: "not loaded yet",
    SearchState.OUTDATED: "saved by another version",
    SearchState.UNREADABLE: "can't be read",
}
_NARROW: Final = 56
_GAP: Final = 2
# The lines above the list, and the key bar below the story.
_OTHER_ROWS: Final = 4
_WIDEST_STATUS: Final = 24
_WIDEST_ORGANISATION: Final = 30
_STYLES: Final = {True: "$text-success", False: "", None: "$text-muted"}


class _Line(Struct, frozen=True):
    """A line of the list: a contact, or what else there is to say of its organisation."""

    found: OrganisationFindings
    finding: ContactFinding | None = None


@dataclass
class _Checked(Message, bubble=False):
    text: str
    found: Sequence[OrganisationFindings]


class InvoiceCheckScreen(BaseScreen[None]):
    """The contacts found above, and below what is known of the one under the cursor, with the steps."""

    PLACE = "in Why does my invoice fail?"
    CSS_PATH = "invoice_check.tcss"
    AUTO_FOCUS = "#words"
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("restore", "open_survivor", "approve_drafts", "search", "clear", "back"),
    ]

    rows = getters.query_one(VirtualList)
    search = getters.query_one(SearchBox)

    def __init__(self, account: Account, text: str) -> None:
        super().__init__()
        self._account = account
        self._text = text
        self._lines: Sequence[_Line] = ()

    def compose(self) -> ComposeResult:
        """Lay out the text, the contacts, and the story of one of them."""
        heading = StaticLine(id="heading")
        heading.show(content(_TITLE, "bold $text-primary"))
        yield heading
        yield SearchBox("#rows", id="search")
        with Vertical(id="body"):
            yield VirtualList(self._format_row, id="rows")
            with VerticalScroll(id="story", can_focus=False):
                yield Details(id="details")
        yield KeyBar()

    def on_mount(self) -> None:
        """Check what is searched for already."""
        self.rows.empty_text = _NOTHING_TYPED
        if self._text:
            self.search.set_text(self._text)
        self._update_key_bar()

    @on(SearchBox.QueryChanged)
    def _find(self) -> None:
        """Check the typed text, in place of the check that is running."""
        text = self.search.text

        async def find() -> None:
            found = await self._account.check_invoice(text, MOST_SHOWN) if text.strip() else ()
            self.post_message(_Checked(text, found))

        self.start(find, "find", exclusive=True)

    @on(_Checked)
    def _checked(self, message: _Checked) -> None:
        if message.text != self.search.text:
            return
        before = self._current
        self._lines = [line for each in message.found for line in _lines(each)]
        self.rows.empty_text = _NONE_FOUND if message.text.strip() else _NOTHING_TYPED
        kept = (
            index
            for index, line in enumerate(self._lines)
            if before is not None and before.finding is not None and _key(line) == _key(before)
        )
        first = (index for index, line in enumerate(self._lines) if line.finding is not None)
        self.rows.show(len(self._lines), next(kept, next(first, 0)))
        self._fit_list()
        self.rows.reveal_cursor()
        self._describe()

    # --- list ---

    def on_resize(self) -> None:
        """Leave at least half of the screen to the story."""
        self._fit_list()

    def _fit_list(self) -> None:
        room = max(1, (self.size.height - _OTHER_ROWS) // 2)
        self.rows.styles.height = max(1, min(self.rows.wanted_height, room))

    @property
    def _current(self) -> _Line | None:
        return self._lines[self.rows.cursor] if self.rows.cursor < len(self._lines) else None

    def _format_row(self, index: int, width: int) -> Sequence[Content]:
        line = self._lines[index]
        organisation = line.found.organisation.name
        if line.finding is None:
            return [content(fit(f"{organisation}: {_about(line.found)}", width), "$text-muted")]
        status_width = min(_WIDEST_STATUS, width // 3)
        place_width = min(_WIDEST_ORGANISATION, width // 3) if width >= _NARROW else 0
        name = fit(line.finding.name, max(8, width - status_width - place_width))
        return [
            Content.assemble(
                content(name, "bold"),
                (f"  {fit(organisation, place_width - _GAP)}", "$text-muted") if place_width else "",
                content(f"  {fit(status_words(line.finding), status_width - _GAP)}"),
            )
        ]

    @on(VirtualList.Moved)
    def _describe(self) -> None:
        """Show what is known of the contact under the cursor, and its steps."""
        line = self._current
        details = Content("")
        if line is not None and line.finding is not None:
            details = Content("\n").join(_story(line.found, line.finding))
        elif self._lines and not any(each.finding for each in self._lines):
            details = content(_NONE_FOUND)
        self.query_one(Details).show(details)
        self._update_key_bar()

    def on_descendant_focus(self) -> None:
        """Show the keys that work for the focused widget."""
        self._update_key_bar()

    def _update_key_bar(self) -> None:
        if self.search.has_focus_within:
            self.key_bar.set_actions(*_SEARCH_KEYS)
            return
        line = self._current
        finding = None if line is None else line.finding
        approve = "Not approved" if finding is not None and finding.is_approved else "Drafts approved"
        self.key_bar.set_actions(
            *(["restore"] if finding is not None and finding.can_be_restored else []),
            *(["open_survivor"] if finding is not None and finding.survivor is not None else []),
            *([("approve_drafts", approve), ("open", "Open contact")] if finding is not None else []),
            "search",
            "help",
            "back",
        )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Pass the search key to the search box while it has focus; Esc clears before it goes back."""
        if action == "search":
            return not self.search.has_focus_within
        if action == "clear":
            return bool(self.search.text)
        return super().check_action(action, parameters)

    # --- actions ---

    @on(VirtualList.RowOpened)
    def _open(self) -> None:
        line = self._current
        if line is None:
            self.flash(_NO_CONTACT)
        else:
            self._leave(line, line.finding)

    def action_restore(self) -> None:
        """Open the contact's organisation and restore it there, as usual."""
        line = self._current
        if line is None or line.finding is None:
            self.flash(_NO_CONTACT)
        elif not line.finding.can_be_restored:
            self.flash(_ACTIVE if line.finding.is_active else _NOT_RESTORABLE)
        else:
            self._leave(line, line.finding, restores=True)

    def action_open_survivor(self) -> None:
        """Open the organisation at the contact that this one was merged into."""
        line = self._current
        if line is None or line.finding is None:
            self.flash(_NO_CONTACT)
        elif line.finding.survivor is None:
            self.flash(NOT_MERGED)
        elif not line.finding.survivor.name:
            self.flash(SURVIVOR_NOT_LOADED)
        else:
            self._leave(line, line.finding.survivor)

    def _leave(
        self, line: _Line, contact: ContactFinding | NamedContact | None, *, restores: bool = False
    ) -> None:
        """Open the line's organisation, at the contact if there is one."""
        self.dismiss()
        name, contact_id = ("", "") if contact is None else (contact.name, contact.contact_id)
        # Post to the app: a closing screen doesn't forward messages.
        self.app.post_message(
            OrganisationChosen(line.found.organisation, name, contact_id, restores=restores)
        )

    def action_approve_drafts(self) -> None:
        """Record that the Drafts were approved again in Re-Leased, or take that back."""
        line = self._current
        if line is None or line.finding is None:
            self.flash(_NO_CONTACT)
            return
        organisation, finding = line.found.organisation, line.finding
        is_approved = not finding.is_approved

        async def record() -> None:
            await self._account.record_approved(organisation, finding.contact_id, on=is_approved)
            self._find()
            self.flash(_APPROVED if is_approved else _NOT_APPROVED)

        self.start(record, "approve")

    def action_search(self) -> None:
        """Focus the text."""
        self.search.focus_input()

    def action_clear(self) -> None:
        """Clear the text."""
        self.search.clear()

    def action_back(self) -> None:
        """Close the screen."""
        self.dismiss()


def _lines(found: OrganisationFindings) -> Iterator[_Line]:
    yield from (_Line(found, finding) for finding in found.contacts)
    if _about(found):
        yield _Line(found)


def _about(found: OrganisationFindings) -> str:
    if found.state in _UNSEARCHED:
        return _UNSEARCHED[found.state]
    more = found.total - len(found.contacts)
    return f"{format_number(more)} more of {pluralize(found.total, 'contact')}" if more > 0 else ""


def _key(line: _Line) -> tuple[str, str]:
    return line.found.organisation.tenant_id, "" if line.finding is None else line.finding.contact_id


def _story(found: OrganisationFindings, finding: ContactFinding) -> Iterator[Content]:
    now = clock.now().astimezone()
    yield Content.assemble(
        content(finding.name, "bold"), "  ", content(found.organisation.name, "$text-muted")
    )
    yield content(status_sentence(finding, now))
    for problem in problems(finding):
        yield content(problem, "$text-warning")
    for number, step in enumerate(steps(finding, now), 1):
        note = content(f"  {step.note}", "$text-muted") if step.note else ""
        text = content(f"{step.mark} {number}. {step.text}", _STYLES[step.is_done])
        yield Content.assemble(text, note)
