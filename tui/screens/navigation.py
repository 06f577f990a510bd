"""All screens and some of their parts, imported on first use or by `preload`.

Screens open each other, but the first paint needs only one of them, so this module is the only one that knows
where each is defined. Textual exports its widgets in the same way.
"""

from __future__ import annotations

import sys
from importlib import import_module
from time import sleep
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.screen import Screen

    from tui.screens.changes.changes import ChangesScreen
    from tui.screens.changes.year import YearScreen
    from tui.screens.columns import ColumnsScreen
    from tui.screens.compare.choose_file import ChooseFileScreen
    from tui.screens.compare.compare import CompareScreen
    from tui.screens.connect.connect import ConnectScreen
    from tui.screens.connect.instructions import AppInstructionsScreen
    from tui.screens.connect.organisations import OrganisationsScreen
    from tui.screens.connect.welcome import HowItWorksScreen, WelcomeScreen
    from tui.screens.contact import ContactScreen
    from tui.screens.dialogs.ask import ChooseScreen
    from tui.screens.dialogs.confirm import ConfirmScreen
    from tui.screens.dialogs.help import BugReportScreen, HelpScreen
    from tui.screens.dialogs.keys import KeysScreen
    from tui.screens.duplicates.duplicates import DuplicatesScreen
    from tui.screens.export import ExportScreen
    from tui.screens.invoice_check import InvoiceCheckScreen
    from tui.screens.manual_restores import ManualRestoresScreen
    from tui.screens.marks import MarkController
    from tui.screens.preview import ContactPreview, PreviewController
    from tui.screens.re_leased.sync_start import SyncStartScreen
    from tui.screens.re_leased.troubleshoot import ConnectionTestScreen, TroubleshootScreen
    from tui.screens.saved_searches import SavedSearchesScreen
    from tui.screens.search_everywhere import SearchEverywhereScreen
    from tui.screens.tenancy.tenant_groups import TenantGroupsScreen
    from tui.screens.tidy.tidy import TidyScreen

__all__ = [
    "AppInstructionsScreen",
    "BugReportScreen",
    "ChangesScreen",
    "ChooseFileScreen",
    "ChooseScreen",
    "ColumnsScreen",
    "CompareScreen",
    "ConfirmScreen",
    "ConnectScreen",
    "ConnectionTestScreen",
    "ContactPreview",
    "ContactScreen",
    "DuplicatesScreen",
    "ExportScreen",
    "HelpScreen",
    "HowItWorksScreen",
    "InvoiceCheckScreen",
    "KeysScreen",
    "ManualRestoresScreen",
    "MarkController",
    "OrganisationsScreen",
    "PreviewController",
    "SavedSearchesScreen",
    "SearchEverywhereScreen",
    "SyncStartScreen",
    "TenantGroupsScreen",
    "TidyScreen",
    "TroubleshootScreen",
    "WelcomeScreen",
    "YearScreen",
]

_MODULES: Final = {
    "AppInstructionsScreen": "tui.screens.connect.instructions",
    "ChangesScreen": "tui.screens.changes.changes",
    "BugReportScreen": "tui.screens.dialogs.help",
    "ConnectionTestScreen": "tui.screens.re_leased.troubleshoot",
    "ChooseFileScreen": "tui.screens.compare.choose_file",
    "ChooseScreen": "tui.screens.dialogs.ask",
    "ColumnsScreen": "tui.screens.columns",
    "CompareScreen": "tui.screens.compare.compare",
    "ConfirmScreen": "tui.screens.dialogs.confirm",
    "ConnectScreen": "tui.screens.connect.connect",
    "ContactScreen": "tui.screens.contact",
    "DuplicatesScreen": "tui.screens.duplicates.duplicates",
    "ExportScreen": "tui.screens.export",
    "HelpScreen": "tui.screens.dialogs.help",
    "HowItWorksScreen": "tui.screens.connect.welcome",
    "InvoiceCheckScreen": "tui.screens.invoice_check",
    "KeysScreen": "tui.screens.dialogs.keys",
    "ManualRestoresScreen": "tui.screens.manual_restores",
    "OrganisationsScreen": "tui.screens.connect.organisations",
    "SavedSearchesScreen": "tui.screens.saved_searches",
    "SearchEverywhereScreen": "tui.screens.search_everywhere",
    "SyncStartScreen": "tui.screens.re_leased.sync_start",
    "TenantGroupsScreen": "tui.screens.tenancy.tenant_groups",
    "TidyScreen": "tui.screens.tidy.tidy",
    "TroubleshootScreen": "tui.screens.re_leased.troubleshoot",
    "WelcomeScreen": "tui.screens.connect.welcome",
    "YearScreen": "tui.screens.changes.year",
}
# Parts of a screen that only some users show; `preload` leaves them out.
_PARTS: Final = {
    "ContactPreview": "tui.screens.preview",
    "MarkController": "tui.screens.marks",
    "PreviewController": "tui.screens.preview",
}
# Seconds between two modules: importing holds the interpreter, and key presses come first.
_PAUSE: Final = 0.05


def __getattr__(name: str) -> Any:
    module = _MODULES.get(name) or _PARTS.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(module), name)


def preload(on_imported: Callable[[type[Screen[Any]]], object] = lambda _: None) -> None:
    """Import every screen, so that no key press has to wait; run in a thread after the first paint."""
    for name, module in sorted(_MODULES.items()):
        is_new = module not in sys.modules
        on_imported(getattr(import_module(module), name))
        if is_new:
            sleep(_PAUSE)
