"""The least that anybody could do. Run as a program: `yardsticks.py label|input|table|version`.

Imports only what each needs, as the time of a start is measured.
"""

# ruff: noqa: PLC0415 - see above

from __future__ import annotations

import sys

TABLE_ROWS = 10_000


def _label() -> None:
    from textual.app import App, ComposeResult
    from textual.widgets import Label

    class OneLabel(App[None]):
        def compose(self) -> ComposeResult:
            yield Label("yardstick")

    OneLabel().run()


def _input() -> None:
    from textual.app import App, ComposeResult
    from textual.widgets import Input

    class OneInput(App[None]):
        def compose(self) -> ComposeResult:
            # As ours: one line without a border, and a cursor that doesn't blink.
            yield Input(placeholder="yardstick", compact=True)

    OneInput().run()


def _table() -> None:
    from textual.app import App, ComposeResult
    from textual.widgets import DataTable

    class OneTable(App[None]):
        def compose(self) -> ComposeResult:
            yield DataTable(cursor_type="row")

        def on_mount(self) -> None:
            table = self.query_one(DataTable)
            table.add_columns("Contact", "Status", "E-mail", "They owe")
            table.add_rows(
                (f"row {number:05}", "Active", f"name{number}@company.example", f"{number % 900}.00")
                for number in range(TABLE_ROWS)
            )

    OneTable().run()


def _version() -> None:
    import click

    @click.command()
    @click.version_option("1.0", prog_name="yardstick")
    def main() -> None:
        pass

    main(["--version"])


if __name__ == "__main__":
    {"label": _label, "input": _input, "table": _table, "version": _version}[sys.argv[1]]()
