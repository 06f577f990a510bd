"""Settings from `settings.toml`, overridden by `RESHELVE_…` environment variables.

`RESHELVE_XERO_API_URL` overrides the key `xero.api_url`, and so on. Cheap to import, as every start reads
the settings.
"""

from __future__ import annotations

from tui.settings.loader import SettingsReport, load, load_report
from tui.settings.schema import (
    KEYS,
    SECTIONS,
    OrganisationSettings,
    ReLeasedSettings,
    ScreenSettings,
    SettingKey,
    Settings,
    SyncSettings,
    UnifiedConnection,
    XeroSettings,
    find_key,
    sync_window,
    unified_connection,
)
from tui.settings.writer import save, set_value, set_values, unset

__all__ = [
    "KEYS",
    "SECTIONS",
    "OrganisationSettings",
    "ReLeasedSettings",
    "ScreenSettings",
    "SettingKey",
    "Settings",
    "SettingsReport",
    "SyncSettings",
    "UnifiedConnection",
    "XeroSettings",
    "find_key",
    "load",
    "load_report",
    "save",
    "set_value",
    "set_values",
    "sync_window",
    "unified_connection",
    "unset",
]
