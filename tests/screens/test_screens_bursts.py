"""Keys that arrive together: each goes to the screen on top when its turn comes, or does nothing."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from support.effort import examples
from support.fake_account import FakeAccount
from support.screen_test import Driver, running
from textual import events

from tui.app.app import ReshelveApp

if TYPE_CHECKING:
    from support.idle_engine import IdleEngine

pytestmark = pytest.mark.slow

_BURSTS = [
    "ctrl+o enter enter",
    "m enter enter",
    "m escape escape m",
    "ctrl+p enter enter",
    "ctrl+p pagedown pageup enter ctrl+p enter",
    "a enter enter escape",
    "a y y escape escape",
    "u enter enter escape",
    "question_mark question_mark escape escape escape",
    "v enter enter escape escape escape",
    "ctrl+g space enter enter escape",
    "t enter enter escape escape",
    "c enter enter escape escape",
    "ctrl+o ctrl+o m m question_mark ctrl+p escape escape escape escape escape",
    "slash x enter enter a enter enter escape",
]


async def test_burst_of_keys_is_survived(busy: IdleEngine) -> None:
    async with running(busy) as person:
        for burst in _BURSTS:
            for key in burst.split():
                # All at once, as a terminal delivers them.
                person.app.post_message(events.Key(key, key if len(key) == 1 else None))
            await person.settle()
            assert not person.app.has_crashed, burst
            assert person.app.screen_stack[0] is person.main, burst
            while not person.is_home:
                await person.pilot.press("escape")


_KEYS = (
    *("down", "up", "pagedown", "home", "end", "space", "enter", "escape", "backspace", "slash", "tab"),
    *("a", "b", "r", "1", "2", "3", "l", "t", "ctrl+a", "question_mark"),
)


def _press(person: Driver, key: str) -> None:
    character = {"space": " ", "slash": "/", "question_mark": "?"}.get(key, key if len(key) == 1 else None)
    person.app.post_message(events.Key(key, character))


def _state(person: Driver) -> tuple[object, ...]:
    main = person.main
    focused = main.focused.id if main.focused is not None else None
    table = main.table
    return (
        [type(screen) for screen in person.app.screen_stack],
        main.search.text,
        focused,
        table.cursor_id,
        table.selected,
        main.finder.tabs.tab,
    )


async def test_keys_typed_ahead_of_the_search_key_stay_with_the_list(backend: IdleEngine) -> None:
    async with running(backend) as person:
        for key in ("down", "down", "slash", *"harb", "down", "slash", "o"):
            _press(person, key)
        await person.settle()
        assert person.main.search.text == "harbo"
        assert person.is_home


async def test_keys_in_one_burst_do_what_they_do_one_by_one(backend: IdleEngine) -> None:
    chance = Random(7)  # noqa: S311 - nothing secret
    for _ in range(examples(40)):
        keys = chance.choices(_KEYS, k=chance.randrange(2, 9))
        ends = []
        for is_burst in (False, True):
            async with running(backend) as person:
                for key in keys:
                    _press(person, key)
                    if not is_burst:
                        await person.settle()
                await person.settle()
                ends.append(_state(person))
        assert ends[0] == ends[1], keys


@pytest.mark.parametrize("key", ["slash", "ctrl+p", "question_mark", "enter"])
async def test_keys_before_the_first_screen_wait_for_it(busy: IdleEngine, key: str) -> None:
    app = ReshelveApp(FakeAccount.of(busy), busy.snapshot.organisation)
    app.call_later(app.post_message, events.Key(key, None))
    async with app.run_test() as pilot:
        await pilot.pause()
        assert not app.has_crashed


async def test_screens_that_open_each_other_do_not_pile_up(busy: IdleEngine) -> None:
    async with running(busy) as person:
        for _ in range(5):
            await person.press("ctrl+o", "question_mark", "c")
        kinds = [type(screen) for screen in person.app.screen_stack]
        assert len(kinds) == len(set(kinds))
