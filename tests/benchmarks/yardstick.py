"""The minimal Textual apps to compare with: one label, or one input. Run as a program."""

from __future__ import annotations

import sys

from textual.app import App, ComposeResult
from textual.widgets import Input, Label


class OneLabel(App[None]):
    """Shows one word."""

    def compose(self) -> ComposeResult:
        yield Label("yardstick")


class OneInput(App[None]):
    """Echoes what is typed."""

    def compose(self) -> ComposeResult:
        yield Input(placeholder="yardstick")


if __name__ == "__main__":
    (OneInput() if "--input" in sys.argv else OneLabel()).run()
