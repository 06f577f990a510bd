from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.app import App
from textual.content import Content

from tui.widgets.labels import SafeLabel, wrap_hanging

if TYPE_CHECKING:
    from textual.app import ComposeResult


class Labels(App[None]):
    CSS = "#fixed { width: 10; height: 1; } #free { width: auto; height: auto; }"

    def compose(self) -> ComposeResult:
        yield SafeLabel("a [/x] b", "bold", id="fixed")
        yield SafeLabel("free", id="free")


async def test_brackets_and_escapes_are_shown_as_text() -> None:
    app = Labels()
    async with app.run_test() as pilot:
        label = app.query_one("#fixed", SafeLabel)
        assert label.render_line(0).text.rstrip() == "a [/x] b"
        label.update_text("\x1b[31m[b]c")
        await pilot.pause()
        assert label.render_line(0).text.rstrip() == "[b]c"
        assert label.text == "\x1b[31m[b]c"


async def test_only_a_label_that_follows_its_text_costs_a_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    app = Labels()
    async with app.run_test() as pilot:
        await pilot.pause()
        layouts: list[bool] = []
        refresh = SafeLabel.refresh

        def noted(label: SafeLabel, *regions: object, layout: bool = False, **named: bool) -> SafeLabel:
            layouts.append(layout)
            return refresh(label, *regions, layout=layout, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(SafeLabel, "refresh", noted)
        for selector in ("#fixed", "#free"):
            app.query_one(selector, SafeLabel).update_text("other")
            app.query_one(selector, SafeLabel).update_text("other")
        assert layouts == [False, True]


@pytest.mark.parametrize("width", [10, 17, 20, 28, 29, 40, 200])
@pytest.mark.parametrize("text", ["", "short", "word " * 30, "x" * 90, "日本語テキスト" * 12])
def test_a_value_is_wrapped_below_its_beginning_and_nothing_is_lost(width: int, text: str) -> None:
    lines = wrap_hanging(Content("Label".ljust(17) + text), 17, width)
    assert all(line.cell_length <= width for line in lines)
    joined = "".join(line.plain for line in lines)
    assert joined.replace(" ", "") == f"Label{text}".replace(" ", "")
    if width - 17 >= 12:
        assert all(line.plain.startswith(" " * 17) for line in lines[1:])
