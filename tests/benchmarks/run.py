"""The command: prepares, measures, prints."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import click
from benchmarks import pulling, starting, using
from benchmarks.keys import expect
from benchmarks.report import DECIDING, Result, table
from benchmarks.stores import prepare


def _sizes(context: click.Context, parameter: click.Parameter, value: str) -> list[int]:
    del context
    try:
        sizes = sorted({int(part) for part in value.split(",")})
    except ValueError:
        sizes = []
    # Fewer leave no room for the pages that are turned.
    if not sizes or sizes[0] < 1_000:
        raise click.BadParameter("numbers from 1000, with commas between", param=parameter)
    return sizes


@click.command()
@click.option(
    "--contacts", default="1000,10000,100000", callback=_sizes, show_default=True, help="The sizes."
)
@click.option("--rounds", default=6, type=click.IntRange(1), show_default=True, help="Of each measurement.")
@click.option("--pull/--no-pull", default=True, help="Also read everything from a practice Xero.")
@click.pass_context
def main(context: click.Context, *, contacts: list[int], rounds: int, pull: bool) -> None:
    """Measure what design.md promises, with the real program in a real terminal.

    Ratios are to a yardstick of the same run, in interleaved rounds: for starts and memory an app with one
    label, for keys an app with one input, for searches SQLite's LIKE. Exits with 1 when a goal is missed
    at 100,000 contacts.
    """
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="reshelve-benchmark-") as name:
        folder = Path(name)
        _say(f"Preparing {len(contacts)} stores …")
        prepared = [prepare(folder / str(size), size) for size in contacts]
        homes = {home: asyncio.run(expect(home.store_folder)) for home in prepared}
        _say("Starting …")
        results: list[Result] = starting.measure(homes, rounds)
        _say("Typing …")
        results += using.measure(homes, rounds)
        if pull:
            _say("Reading everything …")
            results += pulling.measure(folder / "practice", min(contacts[-1], DECIDING))
    click.echo(table(results))
    _say(f"Took {time.perf_counter() - begun:.0f} s.")
    failures = [result.what for result in results if result.is_failure]
    if failures:
        click.echo(f"Missed at {DECIDING:,} contacts: {'; '.join(failures)}.")
        context.exit(1)


def _say(words: str) -> None:
    click.echo(words, err=True)
