from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.events import Key

from tui.compat.textual import OrderedInput


class _Host(App[None]):
    def compose(self) -> ComposeResult:
        yield OrderedInput(select_on_focus=False)


@pytest.mark.parametrize(
    ("keys", "written"),
    [
        (("a", "b", "backspace", "c"), "ac"),
        (("a", "b", "ctrl+u", "c"), "c"),
        (("a", "home", "b"), "ba"),
    ],
)
async def test_simultaneous_keys_are_handled_in_order(keys: tuple[str, ...], written: str) -> None:
    app = _Host()
    async with app.run_test() as pilot:
        for key in keys:
            app.post_message(Key(key, key if len(key) == 1 else None))
        await pilot.pause()
        assert app.query_one(OrderedInput).value == written
