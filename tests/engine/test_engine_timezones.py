"""Nightly windows in the organisation's zone."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from tui.engine.engine_factory import nightly_window, zone_from_xero
from tui.model.contact import Organisation
from tui.model.reasons import Notice, SyncWindowReason
from tui.settings import OrganisationSettings, Settings

SPEC = Path(__file__).parents[3] / "shared" / "spec" / "xero_accounting.yaml"
# Windows has dropped these, and no list says where they are.
GIVEN_UP = {"KAMCHATKASTANDARDTIME", "MIDATLANTICSTANDARDTIME"}


def organisation(timezone: str) -> Organisation:
    return Organisation("t1", "Demo", "!x", timezone=timezone)


@pytest.mark.parametrize(
    ("spelling", "zone"),
    [
        ("NEWZEALANDSTANDARDTIME", "Pacific/Auckland"),
        ("EASTERNSTANDARDTIME", "America/New_York"),
        ("AUSEASTERNSTANDARDTIME", "Australia/Sydney"),
        ("EAUSTRALIASTANDARDTIME", "Australia/Brisbane"),
        ("GMTSTANDARDTIME", "Europe/London"),
        ("CENTRALSTANDARDTIME(MEXICO)", "America/Mexico_City"),
    ],
)
def test_xeros_zone_names_are_translated(spelling: str, zone: str) -> None:
    assert zone_from_xero(spelling) == ZoneInfo(zone)


@pytest.mark.skipif(not SPEC.exists(), reason="Xero's OpenAPI description isn't here")
def test_every_current_zone_name_of_xero_is_known() -> None:
    # Only that list, as reading the whole description takes seconds.
    text = SPEC.read_text(encoding="utf-8")
    begin = text.index("    TimeZone:\n")
    block = text[begin : text.index("    PaymentTerm:\n", begin)]
    spellings = [str(one) for one in yaml.safe_load(block)["TimeZone"]["enum"]]
    assert len(spellings) > 100
    assert {one for one in spellings if zone_from_xero(one) is None} == GIVEN_UP


def test_night_follows_the_organisations_zone() -> None:
    window = nightly_window(Settings(), organisation("NEWZEALANDSTANDARDTIME"))
    _, end = window.next_after(datetime(2026, 4, 4, 0, tzinfo=UTC))
    assert end == datetime(2026, 4, 5, 6, tzinfo=ZoneInfo("Pacific/Auckland"))
    assert (window.zone_note, window.is_zone_chosen) == (None, False)


def test_zone_in_the_settings_comes_first() -> None:
    own = OrganisationSettings("22:00", "04:00", "America/New_York")
    settings = Settings(organisations={"t1": own})
    window = nightly_window(settings, organisation("NEWZEALANDSTANDARDTIME"))
    assert (window.start, window.end, window.zone) == (time(22), time(4), ZoneInfo("America/New_York"))
    assert window.is_zone_chosen


def test_unknown_zone_name_is_reported_and_this_computers_zone_used() -> None:
    window = nightly_window(Settings(), organisation("MIDDLEEARTHSTANDARDTIME"))
    assert window.zone is None
    assert window.zone_note == Notice(SyncWindowReason.UNKNOWN_ZONE, {"zone": "MIDDLEEARTHSTANDARDTIME"})
    assert nightly_window(Settings(), organisation("")).zone_note is None
