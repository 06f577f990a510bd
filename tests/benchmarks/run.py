"""The command: prepares, measures round by round, prints, and judges."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from benchmarks import long_runs
from benchmarks.measure import CHANGES, LINES, PARTS, Bench
from benchmarks.program import ROOT, install
from benchmarks.report import Samples, compare, exit_code, judge, table
from benchmarks.searches import expect
from benchmarks.stores import prepare, prepare_changes

_SMALLEST = 100


def _sizes(context: click.Context, parameter: click.Parameter, value: str) -> list[int]:
    del context
    try:
        sizes = sorted({int(part.replace("_", "")) for part in value.split(",")})
    except ValueError:
        sizes = []
    # Fewer leave no room for the pages that are turned.
    if not sizes or sizes[0] < _SMALLEST:
        raise click.BadParameter(f"numbers from {_SMALLEST}, with commas between", param=parameter)
    return sizes


def _earlier(context: click.Context, parameter: click.Parameter, value: Path | None) -> Samples | None:
    del context
    try:
        return Samples.load(value) if value else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise click.BadParameter(f"not a result of this benchmark ({error!r})", param=parameter) from error


@click.command()
@click.option("--sizes", default="1000,10000,100000", callback=_sizes, show_default=True, help="Contacts.")
@click.option("--rounds", default=5, type=click.IntRange(1), show_default=True)
@click.option(
    "--only",
    "parts",
    multiple=True,
    type=click.Choice(PARTS),
    help="Measure this part alone; repeat it for more.",
)
@click.option(
    "--soak",
    default=0.0,
    type=click.FloatRange(0),
    metavar="MINUTES",
    help="Also use the program for so long; 60 for the goal.",
)
@click.option(
    "--json",
    "output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write samples and machine facts here.",
)
@click.option(
    "--compare",
    "earlier",
    type=click.Path(path_type=Path),
    callback=_earlier,
    help="The JSON of an earlier run.",
)
@click.pass_context
def main(
    context: click.Context,
    *,
    sizes: list[int],
    rounds: int,
    parts: tuple[str, ...],
    soak: float,
    output: Path | None,
    earlier: Samples | None,
) -> None:
    """Measure how fast the program is, as a compiled wheel in a real terminal of 120 by 40.

    Yardsticks are measured in the same rounds and at the same frame rate. Exits with 0 if every goal that was
    measured is met and can be trusted, with 1 if one isn't, with 2 if an option is wrong.
    """
    # The thread that notes times must not wait for this one.
    sys.setswitchinterval(0.0005)
    with tempfile.TemporaryDirectory(prefix="reshelve-benchmark-") as name:
        folder = Path(name)
        _say("Building the wheel…")
        program = install(folder)
        samples = Samples()
        bench = Bench(program, folder, frozenset(parts or PARTS), {}, samples)
        if bench.parts - {"version", "changes", "comparison", "read", "idle", "re-leased"}:
            # In a process of its own: programs start later from one that has a million contacts in memory.
            with ProcessPoolExecutor(1) as pool:
                for size in sizes:
                    _say(f"Preparing {size:,} contacts…")
                    home = pool.submit(prepare, folder / str(size), size).result()
                    bench.homes[home] = pool.submit(expect, home.store_file).result()
        if "changes" in bench.parts:
            _say(f"Preparing {CHANGES:,} changes…")
            bench.changes = prepare_changes(folder / "changes", CHANGES)
        if "comparison" in bench.parts:
            _say(f"Preparing {LINES:,} contacts to compare…")
            bench.compared = prepare(folder / "compared", LINES)
        facts = _facts(program.fps)
        begun = time.monotonic()
        for number in range(rounds):
            _say(f"Round {number + 1} of {rounds}, load {os.getloadavg()[0]:.1f}…")
            bench.round(number)
            long_runs.read(bench, max([size for size in sizes if size <= 100_000] or sizes[:1]), number)
        if soak:
            _say(f"Using the program for {soak:g} minutes…")
            long_runs.soak(bench, soak)
        facts["minutes"] = round((time.monotonic() - begun) / 60, 1)
    results = judge(samples)
    if output:
        stored = {
            "facts": facts,
            "load": bench.load,
            "samples": samples.to_json(),
            "problems": samples.problems,
        }
        output.write_text(json.dumps(stored, indent=1), encoding="utf-8")
    click.echo(table(results))
    if earlier:
        click.echo(f"\nAgainst the earlier run:\n{compare(earlier, results)}")
    for problem, times in Counter(problem.partition("\n")[0] for problem in samples.problems).items():
        click.echo(f"\nProblem, {times} times: {problem} The screen is in the JSON.")
    loads = [load for _, load, *_ in bench.load]
    click.echo(f"\nLoad average {min(loads):.1f} to {max(loads):.1f} on {facts['processors']} processors.")
    context.exit(exit_code(samples, results))


def _facts(fps: str) -> dict[str, Any]:
    """Say what was measured, and on what."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever git there is
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return {
        "at": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "textual": version("textual"),
        "system": platform.platform(),
        "processor": model,
        "processors": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "TEXTUAL_FPS": fps,
    }


def _say(words: str) -> None:
    click.echo(words, err=True)
