"""Dates, times, money and counts have one format each: `tui.messages.formats` alone writes them."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Final

import pytest

import tui
from tui.messages import formats

ROOT: Final = Path(tui.__file__).parent
#: Modules that format for something other than a user's screen, and why.
EXCEPTIONS: Final = {
    "messages/formats.py": "the formats themselves",
    "engine/services/changes.py": "the CSV of changes, which other programs read",
    "system/table_files.py": "times in files, which other programs read",
    "re_leased/contact_file.py": "line numbers listed within one parameter of a note",
    "store/maintenance/file_ops.py": "names of files",
    "xero/client.py": "the date of an HTTP header",
    "re_leased/unified.py": "a parameter of Unified.to's API",
    "sandbox/context.py": "formats of Xero's API, and pages of the practice Xero, which shares no code",
    "sandbox/oauth/tokens.py": "a message of the practice Xero, as Xero writes it",
    "sandbox/sample_data.py": "numbers within sample data, padded with zeros",
    "sandbox/xero_pages.py": "pages of the practice Xero, which shares no code",
}
#: A date or time, thousands separators, or a fixed number of digits.
_SPEC: Final = re.compile(r"%[a-zA-Z]|,|\.\d+f|^0\d")
_COUNT: Final = re.compile(r"^1 [a-z]")


def formats_by_hand(source: str) -> list[int]:
    """Return the lines that format a date, time, number or plural by hand."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in {"strftime", "ctime"}:
            found.append(node.lineno)
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            if _SPEC.search(ast.unparse(node.format_spec)[2:-1]):
                found.append(node.lineno)
        elif isinstance(node, ast.IfExp):
            # `"1 line" if count == 1 else f"{count} lines"`
            parts = (node.body, node.orelse)
            if any(isinstance(each, ast.Constant) and _COUNT.match(str(each.value)) for each in parts):
                found.append(node.lineno)
        elif (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Add)
            and isinstance(node.right, ast.Constant | ast.IfExp)
            and ast.unparse(node.right).strip("(").startswith("'s'")
        ):
            found.append(node.lineno)
    return sorted(found)


def test_only_the_formats_module_formats_for_people() -> None:
    found = {
        file.relative_to(ROOT).as_posix(): formats_by_hand(file.read_text(encoding="utf-8"))
        for file in ROOT.rglob("*.py")
    }
    by_hand = {name: lines for name, lines in found.items() if lines}
    assert {name: lines for name, lines in by_hand.items() if name not in EXCEPTIONS} == {}
    assert set(EXCEPTIONS) <= set(by_hand), "An exception isn't needed any more."


@pytest.mark.parametrize(
    "source",
    [
        "f'{at:%H:%M}'",
        "f'{at.astimezone():%Y-%m-%d}'",
        "at.strftime('%d')",
        "f'{count:,}'",
        "f'{count:>9,}'",
        "f'{cents / 100:.2f}'",
        "f'{seconds:02}'",
        "'1 change' if count == 1 else f'{count} changes'",
        "f'{n} line' + ('s' if n != 1 else '')",
        "word + 's'",
    ],
)
def test_check_finds_each_kind_of_formatting(source: str) -> None:
    assert formats_by_hand(source) == [1]


@pytest.mark.parametrize("source", ["f'{name:<{width}}'", "f'{value!r:>8}'", "'is' if n == 1 else 'are'"])
def test_padding_and_log_placeholders_are_allowed(source: str) -> None:
    assert formats_by_hand(source) == []


def test_no_format_of_a_time_works_on_one_system_only() -> None:
    # `%-d` fails on Windows, `%#d` everywhere else.
    found = [
        f"{file.relative_to(ROOT)}: {node.value!r}"
        for file in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"%[-#][a-zA-Z]", node.value)
    ]
    assert found == []


NOW: Final = datetime(2026, 11, 29, 18, 45, 7, tzinfo=timezone(timedelta(hours=13)))
EARLIER_TODAY: Final = datetime(2026, 11, 28, 13, 5, tzinfo=UTC)
DAYS_AGO: Final = datetime(2026, 11, 4, 13, 5, tzinfo=UTC)
LAST_YEAR: Final = datetime(2025, 12, 31, 10, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "day", "time_or_day", "both"),
    [
        (EARLIER_TODAY, "29 Nov", "02:05", "29 Nov 02:05"),
        (DAYS_AGO, "5 Nov", "5 Nov", "5 Nov 02:05"),
        (LAST_YEAR, "Dec 2025", "Dec 2025", "31 Dec 2025 23:59"),
    ],
)
def test_short_dates_are_in_the_time_zone_of_now(
    moment: datetime, day: str, time_or_day: str, both: str
) -> None:
    assert formats.short_day(moment, NOW) == day
    assert formats.time_or_short_day(moment, NOW) == time_or_day
    assert formats.short_day_and_time(moment, NOW) == both


def test_machine_readable_and_typed_times() -> None:
    assert formats.utc_time(NOW) == "2026-11-29 05:45:07Z"
    assert formats.utc_time(None) == "unknown"
    assert formats.file_date(NOW) == "2026-11-29"
    assert datetime.fromisoformat(formats.typed_date_and_time(NOW)).astimezone() == NOW.replace(second=0)
    assert formats.clock_time(NOW, UTC) == "05:45"
