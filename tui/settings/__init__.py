"""What can be set: in `settings.toml`, overridden by `RESHELVE_…` environment variables.

The key `xero.api_url` is overridden by `RESHELVE_XERO_API_URL`, and so on. Cheap to import, as every start
reads the settings.
"""

from __future__ import annotations

from tui.settings.declared import (
    KEYS,
    SECTIONS,
    Key,
    OrganisationSettings,
    ReleasedSettings,
    ScreenSettings,
    Settings,
    SyncSettings,
    XeroSettings,
    find_key,
    window,
)
from tui.settings.reading import Survey, load, survey
from tui.settings.writing import save, set_value, unset

__all__ = [
    "KEYS",
    "SECTIONS",
    "Key",
    "OrganisationSettings",
    "ReleasedSettings",
    "ScreenSettings",
    "Settings",
    "Survey",
    "SyncSettings",
    "XeroSettings",
    "find_key",
    "load",
    "save",
    "set_value",
    "survey",
    "unset",
    "window",
]
