from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import pytest
from support.frozen import frozen
from support.idle_engine import IdleEngine
from support.pictures import PlainText, text_of
from textual._compositor import Compositor
from textual.css.stylesheet import Stylesheet

from tui.model.change import Action, State
from tui.model.evidence import SyncStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from rich.console import RenderableType
    from support.pictures import Compare
    from syrupy.assertion import SnapshotAssertion
    from textual.css.model import RuleSet
    from textual.pilot import Pilot

    from tui.app.app import ReshelveApp

_PARSED: dict[tuple[object, ...], list[RuleSet]] = {}
# The sets of variables, which themes give; and which set a style sheet has, as comparing them takes a while.
_VARIABLES: list[dict[str, str]] = []
_OF_SHEET: WeakKeyDictionary[Stylesheet, tuple[dict[str, str], int]] = WeakKeyDictionary()
REPEATING = "Contacts cannot be archived if they are associated with repeating invoices"


def _number(sheet: Stylesheet) -> int:
    """Return the place of the style sheet's variables among `_VARIABLES`."""
    variables, number = _OF_SHEET.get(sheet, ({}, 0))
    if variables is not sheet._variables:
        variables = sheet._variables
        if variables not in _VARIABLES:
            _VARIABLES.append(dict(variables))
        number = _VARIABLES.index(variables)
        _OF_SHEET[sheet] = (variables, number)
    return number


@pytest.fixture(autouse=True)
def _frozen_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with frozen(monkeypatch):
        yield


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Check twice as often whether the program is idle, which tests wait for after each key."""
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 1 / 100)
    monkeypatch.setattr("textual._wait.SLEEP_IDLE", 1 / 2000)


@pytest.fixture(autouse=True)
def _styles_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Share the parsed styles between the apps of all tests: they take an eighth of the time."""
    parse = Stylesheet._parse_rules

    def parse_once(sheet: Stylesheet, *arguments: Any, **options: Any) -> list[RuleSet]:
        key = (_number(sheet), *arguments, *options.items())
        if key not in _PARSED:
            _PARSED[key] = parse(sheet, *arguments, **options)
        return _PARSED[key]

    monkeypatch.setattr(Stylesheet, "_parse_rules", parse_once)


@pytest.fixture(autouse=True)
def _painted_when_settled(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paint only where a test looks at the screen: painting each state took a third of the time."""
    if "snap_compare" in request.fixturenames:
        return
    render = Compositor.render_update

    def render_if_whole(compositor: Compositor, full: bool = False, **options: Any) -> RenderableType | None:  # noqa: FBT001, FBT002 - as Textual has it
        if full:
            return render(compositor, full=full, **options)
        compositor._dirty_regions.clear()
        return None

    monkeypatch.setattr(Compositor, "render_update", render_if_whole)


@pytest.fixture
def snap_compare(snap_compare: Compare, snapshot: SnapshotAssertion) -> Compare:
    """Compare the screen as a picture or as plain text."""

    def compare(app: ReshelveApp, *, as_text: bool, **shot: Any) -> bool:
        return compare_text(app, **shot) if as_text else snap_compare(app, **shot)

    def compare_text(
        app: ReshelveApp, terminal_size: tuple[int, int], run_before: Callable[[Pilot[None]], Awaitable[None]]
    ) -> bool:
        async def look() -> str:
            async with app.run_test(size=terminal_size) as pilot:
                await run_before(pilot)
                return text_of(app.screen)

        return bool(asyncio.run(look()) == snapshot.use_extension(PlainText))

    return compare


@pytest.fixture
def backend() -> IdleEngine:
    return IdleEngine.with_contacts()


@pytest.fixture
def busy() -> IdleEngine:
    """An organisation with a change of every kind."""
    backend = IdleEngine.with_contacts(1631)
    backend.put_change(5, Action.ARCHIVE, State.CONFIRMED, SyncStatus.MISSED)
    backend.put_change(8, Action.ARCHIVE, State.CONFIRMED, SyncStatus.REPORTED)
    backend.put_change(2, Action.ARCHIVE, State.CONFIRMED, SyncStatus.SYNCED)
    backend.put_change(4, Action.ARCHIVE, State.CONFIRMED)
    backend.put_change(7, Action.RESTORE, State.CONFIRMED)
    backend.put_change(12, Action.RESTORE, State.AWAITING_USER)
    backend.put_change(13, Action.ARCHIVE, State.REFUSED, words=REPEATING)
    backend.put_change(3, Action.ARCHIVE, State.QUEUED)
    backend.publish_changes()
    return backend


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a picture by its size, as in `test_main[120x36]`."""
    match val:
        case (int(width), int(height)):
            return f"{width}x{height}"
    return None
