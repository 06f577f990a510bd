"""All actions, and the keys that run them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Provider
from textual.content import Content
from textual.keys import REPLACED_KEYS, key_to_character

from tui import messages
from tui.compat.textual import current_keymap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from textual.app import App
    from textual.command import Hits
    from textual.dom import DOMNode

    from tui.model.errors import ReshelveError


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One action of the user.

    `id` names the method (`action_<id>`) and the binding, so that a keymap can remap it. `keys` is a
    comma-separated list in Textual's spelling, the one to show first; empty if only the command palette
    offers the action. `danger` marks actions that ask for confirmation, `writes` those that record something
    or change Xero: refused and hidden in read-only mode. `signs_out` marks actions that end a sign-in:
    refused only with `--read-only`, since a connection with read-only permissions can still be disconnected.
    `footer` is Textual's `Binding.show`: key bars show what their screens offer. `bound_by_widget` means a
    widget binds the keys itself.
    """

    id: str
    keys: str
    label: str
    help: str
    group: str
    danger: bool = False
    writes: bool = False
    signs_out: bool = False
    footer: bool = False
    bound_by_widget: bool = False
    priority: bool = False

    @property
    def binding_id(self) -> str:
        """The ID for remapping the keys; the table's own keys are prefixed."""
        return f"table.{self.id}" if self.bound_by_widget else self.id


class KeyFault(Enum):
    """Why an action can't have a key."""

    NOT_SENT = "not sent"
    MOVES = "moves"
    TYPED = "typed"
    USED = "used"


@dataclass(frozen=True, slots=True)
class KeyRefusal:
    """Why an action can't have a key; for USED, the action that has it and where, such as "in Changes"."""

    fault: KeyFault
    key: str
    other: str = ""
    place: str = ""


GROUPS: Final = (
    "Contacts",
    "Search and refresh",
    "Changes",
    "Restores to finish",
    "Re-Leased",
    "Organisations",
    "Dialogs",
    "Everywhere",
)

_contacts = partial(ActionSpec, group="Contacts")
_finding = partial(ActionSpec, group="Search and refresh")
_changes = partial(ActionSpec, group="Changes")
_manual_restores = partial(ActionSpec, group="Restores to finish")
_re_leased = partial(ActionSpec, group="Re-Leased")
_organisations = partial(ActionSpec, group="Organisations")
_dialogs = partial(ActionSpec, group="Dialogs")
_everywhere = partial(ActionSpec, group="Everywhere")
_writes = partial(_contacts, danger=True, writes=True, footer=True)

# fmt: off
ACTIONS: Final = (
    _writes("archive", "a", "Archive", "Archive the contact, or all selected ones"),
    _writes("restore", "r", "Restore", "Restore the contact, or all selected ones"),
    _contacts("open", "enter", "Open", "Show the contact's details and history",
              footer=True, bound_by_widget=True),
    _contacts("select", "space", "Select", "Select or deselect", footer=True, bound_by_widget=True),
    _contacts("extend", "shift+up,shift+down", "Extend", "Select a range while moving", bound_by_widget=True),
    _contacts("select_all", "*", "Select all", "Select all in this list", bound_by_widget=True),
    _contacts("invert", "I", "Invert", "Select the other contacts in this list instead",
              bound_by_widget=True),
    _contacts("show_selected", "v", "Only selected", "Show only the selected contacts, or all again"),
    _contacts("columns", "s", "Sort", "Sort the list and choose its columns", footer=True),
    _contacts("column_left", "less_than_sign", "Move left", "In Columns: move the column to the left"),
    _contacts("column_right", "greater_than_sign", "Move right", "In Columns: move the column to the right"),
    _contacts("wider", "plus,equals_sign", "Wider", "In Columns: make the column wider"),
    _contacts("narrower", "minus", "Narrower", "In Columns: make the column narrower"),
    _contacts("usual_columns", "0", "Usual columns", "In Columns: show the columns that fit, sorted by name"),
    _contacts("export", "e", "Export",
              "Export this list to a file; in a comparison: its whole result"),
    _contacts("preview", "b", "Preview",
              "Show a preview of the contact beside the list, or hide it (from 140 columns)"),
    _contacts("open_in_xero", "o", "Open in Xero", "Open the contact in Xero"),
    _contacts("next_contact", "right_square_bracket", "Next",
              "On a contact's page: show the next contact of the list"),
    _contacts("previous_contact", "left_square_bracket", "Previous",
              "On a contact's page: show the previous contact of the list"),
    _contacts("open_survivor", "M", "Merged into",
              "Show the contact that a merged one was merged into"),
    _contacts("copy_field", "C", "Copy field", "On a contact's page: choose a field to copy"),
    _contacts("duplicates", "D", "Duplicates", "Find contacts that are probably in Xero twice"),
    _contacts("not_duplicates", "X", "Not duplicates",
              "In Possible duplicates: mark the group as not duplicates; again: undo", writes=True),
    _contacts("open_group", "O", "Open all",
              "In Possible duplicates: open the group's contacts in Xero, to merge them there"),
    _contacts("copy_group", "C", "Copy links",
              "In Possible duplicates: copy the links to the group's contacts"),
    _contacts("copy", "Y", "Copy link", "Copy the link to the contact in Xero"),
    _contacts("tidy", "Z", "Tidy up", "Find unused contacts, review and archive them"),
    _contacts("keep", "z", "Keep", "Don't suggest the contact in Tidy up, or suggest it again", writes=True),
    _contacts("protect", "A", "Protect",
              "Ask twice before archiving the contact or group, or no longer", writes=True),
    # Priority: text typed right after the key must reach the search box, not the table's keys.
    _finding("search", "/", "Search", "Search names, people, e-mail addresses and numbers",
             footer=True, priority=True),
    # Priority: it also works in the search box.
    _finding("search_everywhere", "ctrl+f", "All organisations", "Search in all organisations",
             priority=True),
    _finding("invoice_check", "F", "Failed invoice",
             "Find out why an invoice fails: paste the message, or type the contact's name"),
    # Priority: it also works in the search box.
    _finding("saved_searches", "ctrl+s", "Saved searches", "Show saved searches; again: save this search",
             priority=True),
    _finding("rename_search", "f2", "Rename", "In Saved searches: rename the search"),
    _finding("delete_search", "delete", "Delete", "In Saved searches: delete the search (asks first)",
             danger=True),
    _finding("clear", "escape", "Clear", "Clear the selection, then the search"),
    _finding("tab_all", "1", "All contacts", "Show all contacts"),
    _finding("tab_active", "2", "Active contacts", "Show active contacts"),
    _finding("tab_archived", "3", "Archived contacts", "Show archived contacts"),
    _finding("refresh", "f5,ctrl+r", "Refresh", "Refresh from Xero and Re-Leased", footer=True),
    _finding("pause_sync", "f6", "Pause loading", "Pause or resume loading all contacts"),
    _changes("undo", "u", "Undo", "Undo the last action (asks first)", danger=True, writes=True, footer=True),
    _changes("redo", "U,ctrl+y", "Redo", "Redo what you last undid (asks first)", danger=True, writes=True),
    _changes("changes", "l", "Changes", "List every change and its status", footer=True),
    _changes("pause", "P", "Pause sending", "Pause sending to Xero (asks first), or resume it", writes=True),
    _changes("retry_contact", "R", "Retry", "Retry the refused change to this contact", writes=True),
    _changes("group_all", "1", "All changes", "In the list of changes: show all changes"),
    _changes("group_open", "2", "In progress", "In the list of changes: show changes in progress"),
    _changes("group_refused", "3", "Refused by Xero", "In the list of changes: show refused changes"),
    _changes("group_pending", "4", "Pending sync",
             "In the list of changes: show changes pending sync"),
    _changes("group_done", "5", "Done", "In the list of changes: show finished changes"),
    _changes("retry", "R", "Retry", "In the list of changes and Troubleshoot: retry refused changes",
             writes=True),
    _changes("cancel_change", "x", "Cancel",
             "In the list of changes: cancel a queued change, or stop waiting for a restore",
             danger=True, writes=True),
    _changes("year", "B", "Year",
             "In the list of changes: show the year at a glance, with waiting times"),
    _changes("previous_year", "left_square_bracket", "Year before",
             "In the year at a glance: show the year before"),
    _changes("next_year", "right_square_bracket", "Year after",
             "In the year at a glance: show the year after"),
    _manual_restores("manual_restores", "h", "Restores", "Show restores to finish in Xero", footer=True),
    _manual_restores("open_next", "O", "Open next 5", "Open the next five contacts in Xero"),
    _manual_restores("copy_all", "C", "Copy all links",
                     "Copy the links of all restores to finish, one per line"),
    _manual_restores("simulate_restore", "p", "Simulate Restore",
                     "Demo only: click Restore in the practice Xero", writes=True),
    _manual_restores("stop_waiting", "x", "Stop waiting",
                     "Stop waiting for this restore; nothing changes in Xero", danger=True, writes=True),
    _re_leased("manual_sync", "m", "Manual sync", "Record a manual Re-Leased sync and how it ended",
               footer=True, writes=True),
    _re_leased("troubleshoot", "t", "Troubleshoot", "Troubleshoot contacts that haven't synced"),
    _re_leased("sync_overview", "w", "Sync Overview",
               "In Troubleshoot: record what Re-Leased's Sync Overview shows", writes=True),
    _re_leased("test_connection", "T", "Test connection",
               "In Troubleshoot: test the connection to Re-Leased"),
    _re_leased("show_values", "V", "Show values",
               "In a test of the connection: show or hide the values of fields"),
    _re_leased("copy_report", "Y", "Copy report", "In Troubleshoot: copy the support report"),
    _re_leased("save_report", "e", "Save report", "In Troubleshoot: save the support report to a file"),
    _re_leased("compare", "f", "Compare", "Compare Re-Leased's contacts, or an export of them, with Xero"),
    _re_leased("mark_synced", "w", "Mark as synced", "In a comparison: mark matches as synced", writes=True),
    _re_leased("kind_differ", "1", "Different", "In a comparison: show contacts that differ"),
    _re_leased("kind_unclear", "2", "Needs review", "In a comparison: show lines that need review"),
    _re_leased("kind_agree", "3", "Matches", "In a comparison: show contacts that match"),
    _re_leased("kind_file", "4", "Only in Re-Leased", "In a comparison: show contacts only in Re-Leased"),
    _re_leased("kind_xero", "5", "Only in Xero", "In a comparison: show contacts only in Xero"),
    _re_leased("copy_contact_id", "i", "Copy ID",
               "On a contact's page and in Troubleshoot: copy the ContactID, Re-Leased's External ID"),
    _re_leased("mark_checked", "w", "Checked", "On a contact's page: mark as checked in Re-Leased",
               writes=True),
    _re_leased("mark_not_linked", "N", "Not linked",
               "On a contact's page: mark as not linked in Re-Leased, or linked again", writes=True),
    _re_leased("approve_drafts", "w", "Drafts approved",
               "For a failed invoice: tick off that you approved the Drafts again in Re-Leased"),
    # No letter: those can't be used while the number of contacts is typed to confirm.
    _re_leased("tenant_groups", "ctrl+g", "Tenant groups", "Choose tenant groups (adds an archive warning)",
               writes=True),
    # Priority: it also works in the search box.
    _organisations("organisations", "ctrl+o", "Organisations", "Show all organisations and switch to another",
                   footer=True, priority=True),
    _organisations("connect", "c", "Connect", "Connect to Xero, or sign in again"),
    _organisations("disconnect", "d", "Disconnect", "Disconnect the sign-in of the selected organisation",
                   danger=True, signs_out=True),
    _organisations("app_instructions", "f7", "Instructions",
                   "While connecting: show how to register a Xero app, to follow or to send"),
    _organisations("copy_address", "Y,f8", "Copy address",
                   "While connecting: copy the link or redirect URI"),
    _organisations("copy_instructions", "C", "Copy all", "In the instructions for a Xero app: copy the text"),
    _organisations("save_instructions", "e", "Save",
                   "In the instructions for a Xero app: save the text to a file"),
    _dialogs("confirm", "y", "Yes", "Confirm"),
    # No letter: see tenant_groups.
    _dialogs("leave_out", "ctrl+l", "Leave out",
             "When archiving or restoring: leave out contacts with warnings, or include them again"),
    _dialogs("cancel", "escape,n", "Cancel", "Close the dialog and change nothing"),
    _dialogs("back", "escape,q", "Back", "Go back to the previous screen"),
    _everywhere("help", "?,f1", "Help", "Show all keys", footer=True),
    _everywhere("command_palette", "ctrl+p", "Commands", "Find a command by its name", footer=True,
                priority=True),
    _everywhere("change_keys", "K", "Change keys", "Choose other keys for actions"),
    _everywhere("reset_keys", "delete", "Reset", "In Change keys: reset an action to its default keys"),
    _everywhere("change_theme", "", "Change colours", "Choose a dark, light or high-contrast theme"),
    _everywhere("quit", "q", "Quit", "Quit Reshelve; unsent changes are sent next time", footer=True),
    _everywhere("interrupt", "ctrl+c,ctrl+q", "Quit at once",
                "Quit from anywhere; with text selected, ctrl+c copies it", priority=True),
)
# fmt: on

#: The actions whose keys work on every screen, unless a dialog is open.
OF_THE_APP: Final = (
    "quit", "interrupt", "help", "organisations", "search_everywhere", "invoice_check", "connect",
    "command_palette", "change_keys",
)  # fmt: skip
_BY_ID: Final = {spec.id: spec for spec in ACTIONS}

#: What the palette leaves out: itself, and what needs an arrow key.
_NOT_IN_PALETTE: Final = frozenset({"command_palette", "extend"})
_LABEL_WIDTH: Final = 24

_KEY_NAMES: Final = {
    "escape": "esc", "up": "↑", "down": "↓", "left": "←", "right": "→",
}  # fmt: skip


def spec(action_id: str) -> ActionSpec:
    """Return an action. Raises `KeyError` if it doesn't exist."""
    return _BY_ID[action_id]


def is_action(action_id: str) -> bool:
    """Whether there is an action with this ID."""
    return action_id in _BY_ID


def bindings(*action_ids: str) -> list[Binding]:
    """Return Textual bindings for these actions, remappable by their IDs."""
    found = (spec(action_id) for action_id in action_ids)
    return [
        Binding(
            item.keys,
            item.id,
            item.label,
            show=item.footer,
            tooltip=item.help,
            id=item.id,
            priority=item.priority,
        )
        for item in found
    ]


def is_offered(app: App[Any], item: ActionSpec) -> bool:
    """Whether to offer an action: read-only mode hides some. The app knows the current mode."""
    why_refused = getattr(app, "refusal_reason", None)
    return why_refused is None or why_refused(item.id) is None


def current_keys(app: App[Any], item: ActionSpec) -> str:
    """Return the current keys of an action: custom ones from the settings, or the defaults."""
    return current_keymap(app).get(item.binding_id, item.keys)


def key_name(key: str) -> str:
    """Format a key for display: `^r`, `esc`, `F5`, and `[` for Textual's `left_square_bracket`."""
    key = key.strip()
    modifier, _, base = key.partition("+")
    if base and modifier == "ctrl":
        return f"^{key_name(base)}"
    if base:
        return f"{modifier}+{key_name(base)}"
    if len(key) in {2, 3} and key[0] == "f" and key[1:].isdigit():
        return key.upper()
    character = key_to_character(REPLACED_KEYS.get(key, key)) or " "
    return _KEY_NAMES.get(key) or (key if character.isspace() or not character.isprintable() else character)


def default_key(action_id: str) -> str:
    """Format the default key of an action."""
    return key_name(spec(action_id).keys.split(",")[0])


def current_key(app: App[Any], action_id: str) -> str:
    """Format the current key of an action, for messages.

    Returns "" if the action isn't offered, as in read-only mode: leave out the sentence then.
    """
    if not is_offered(app, spec(action_id)):
        return ""
    return key_name(current_keys(app, spec(action_id)).split(",")[0])


def error_advice(app: App[Any], error: ReshelveError) -> str:
    """Return what to do about an error, with the current key of the action that helps; may be empty."""
    helps = messages.action(error)
    press = f"Press {current_key(app, helps)} ({spec(helps).label})." if helps else ""
    return f"{messages.next_step(error)} {press}".strip()


def error_message(app: App[Any], error: ReshelveError) -> str:
    """Return an error's message and advice."""
    return f"{messages.message(error)} {error_advice(app, error)}".strip()


def key_names(keys: str) -> str:
    """Format a list of keys: `/ ^f`."""
    return " ".join(key_name(key) for key in keys.split(",") if key)


def actions_by_group() -> Iterator[tuple[str, tuple[ActionSpec, ...]]]:
    """Yield the actions that have keys, by group, as shown in the help and README."""
    for group in GROUPS:
        yield group, tuple(item for item in ACTIONS if item.group == group and item.keys)


class ActionCommands(Provider):
    """Offer the actions available on the current screen in the command palette."""

    def _offered(self) -> Iterator[tuple[ActionSpec, DOMNode]]:
        """Yield the actions that can be run here, each with the node that runs it."""
        focused = self.screen.focused
        nodes = (*(() if focused is None else (focused,)), self.screen, self.app)
        for item in ACTIONS:
            if item.group == "Dialogs" or item.id in _NOT_IN_PALETTE or not is_offered(self.app, item):
                continue
            node = next((each for each in nodes if hasattr(each, f"action_{item.id}")), None)
            if node is not None and node.check_action(item.id, ()):
                yield item, node

    def _line(self, label: Content, item: ActionSpec) -> Content:
        """Format a command: its label, and its keys as they are now."""
        gap = " " * max(2, _LABEL_WIDTH - label.cell_length)
        return Content.assemble(label, gap, (key_names(current_keys(self.app, item)), "$text-accent"))

    async def discover(self) -> Hits:
        """Yield all commands before anything is typed."""
        for item, node in self._offered():
            run = partial(self.app.run_action, item.id, node)
            yield DiscoveryHit(self._line(Content(item.label), item), run, text=item.label, help=item.help)

    async def search(self, query: str) -> Hits:
        """Yield the commands whose label, help or key matches the query."""
        matcher = self.matcher(query)
        for item, node in self._offered():
            keys = key_names(current_keys(self.app, item)).split()
            score = 1.0 if query in keys else max(matcher.match(item.label), matcher.match(item.help))
            if score > 0:
                run = partial(self.app.run_action, item.id, node)
                line = self._line(matcher.highlight(item.label), item)
                yield Hit(score, line, run, text=item.label, help=item.help)
