"""The benchmark itself: its arithmetic, its terminal, what it expects to see, and that it runs at all."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import report, searches
from benchmarks.report import LOOP, LOOP_CPU, Samples
from benchmarks.run import main
from benchmarks.stores import prepare
from benchmarks.terminal import COLUMNS, NeverPaintedError, Screen, Stroke, Terminal
from click.testing import CliRunner

from tui.model.query import Tab
from tui.model.query_parser import parse_query
from tui.store import Store

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parent / "benchmarks"
STEADY = [[10.0, 10.0, 11.0], [10.0, 11.0, 10.0], [11.0, 11.0, 11.0]]


def judged(
    name: str, rounds: list[list[float]], yardstick: str, measured: list[list[float]], contacts: int = 1_000
) -> tuple[report.Result, int]:
    samples = Samples()
    for values in rounds:
        samples.add(name, contacts, values)
    for values in measured:
        samples.add(yardstick, None, values)
    results = report.judge(samples)
    [result] = [each for each in results if each.row.name == name]
    return result, report.exit_code(samples, results)


def test_the_statistics() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    found = {name: statistic(values) for name, statistic in report.STATISTICS.items()}
    assert found == {"median": 50.5, "p95": 95, "max": 100}
    assert report.p95([3.0]) == 3


def test_a_ratio_is_judged_by_the_yardstick_of_the_same_run() -> None:
    result, code = judged("start", [[14, 15], [14, 16], [15, 15]], "one label: start", STEADY)
    assert (result.value, result.measure) == (15, 11)
    assert result.ratio == pytest.approx(15 / 11)
    assert (result.verdict, code) == ("met", 0)
    result, code = judged("start", [[24, 25], [24, 26], [25, 25]], "one label: start", STEADY)
    assert (result.verdict, code) == ("missed", 1)


@pytest.mark.parametrize(
    ("rounds", "measured", "reason"),
    [
        ([[14.0], [14.0], [14.0]], STEADY, "3 of 5 samples"),
        ([[14.0] * 5], STEADY[:1], "1 of 3 rounds"),
        ([[14.0] * 2] * 3, [[10.0], [10.0], [13.0]], r"jumped 1\.30×"),
    ],
)
def test_what_cant_be_trusted_is_never_met(
    rounds: list[list[float]], measured: list[list[float]], reason: str
) -> None:
    result, code = judged("start", rounds, "one label: start", measured)
    assert result.is_met
    assert re.search(reason, result.verdict)
    assert result.verdict.startswith("not trusted")
    assert code == 1


def test_goals_follow_the_size_and_fzf_counts_where_it_is_there() -> None:
    keys = [[35.0] * 20] * 3
    name = "names, typist: settled"
    for contacts, verdict in ((10_000, "missed"), (100_000, "met")):
        assert judged(name, keys, LOOP, STEADY, contacts)[0].verdict == verdict
    # Without fzf, nothing is asked of a million; a run without any goal isn't a success.
    result, code = judged(name, keys, LOOP, STEADY, 1_000_000)
    assert (result.goal, result.verdict, code) == (None, "", 1)
    for slower, verdict in ((38.0, "met"), (31.0, "missed")):
        fzf = [[slower] * 20] * 3
        result, _ = judged(name, keys, "fzf --exact, typist: settled", fzf, 1_000_000)
        assert result.verdict == verdict


def test_steadiness_matters_to_times_and_not_to_counts() -> None:
    unsteady = [[10.0], [10.0], [20.0]]
    for name, yardstick in (("first opening: enter", LOOP), ("idle", LOOP_CPU)):
        assert "jumped 2.00" in judged(name, [[0.2, 0.2]] * 3, yardstick, unsteady)[0].verdict
    for yardstick in (LOOP, LOOP_CPU):
        assert judged("memory after the searches", [[80.0]] * 3, yardstick, unsteady)[0].verdict == "met"


def test_a_problem_is_a_failure_though_all_goals_are_met() -> None:
    samples = Samples()
    for _ in range(3):
        samples.add("--version", None, [10.0, 11.0])
        samples.add("click: --version", None, [10.0, 11.0])
    assert report.exit_code(samples, report.judge(samples)) == 0
    samples.problems.append("a key whose effect was never painted")
    assert report.exit_code(samples, report.judge(samples)) == 1


def test_an_earlier_run_is_read_and_compared_by_its_ratio(tmp_path: Path) -> None:
    old, new = Samples(), Samples()
    for _ in range(3):
        old.add("--version", None, [20.0, 20.0], cpu=3)
        old.add("click: --version", None, [10.0])
        # Twice as slow on a machine twice as slow, and then a tenth.
        new.add("--version", None, [44.0, 44.0])
        new.add("click: --version", None, [20.0])
    file = tmp_path / "old.json"
    file.write_text(json.dumps({"samples": old.to_json()}), encoding="utf-8")
    loaded = Samples.load(file)
    assert loaded.to_json() == old.to_json()
    [line] = report.compare(loaded, report.judge(new)).splitlines()[1:]
    assert line.split()[-4:] == ["2", "2.2", "+10", "%"]


@pytest.mark.parametrize(
    "options", [["--sizes", "many"], ["--sizes", "1"], ["--only", "luck"], ["--compare", "nowhere.json"]]
)
def test_a_wrong_option_exits_with_2(options: list[str]) -> None:
    assert CliRunner().invoke(main, options).exit_code == 2


def test_the_screen_is_followed() -> None:
    screen = Screen()
    for part in (b"\x1b[2;3Hab\x1b[31mc\xe2", b"\x96\x8c\x1b[", b"1;1Htop\x1b[K\r\nx", b"\x1b[?2026h"):
        screen.feed(part)
    assert [line.rstrip() for line in screen.lines[:2]] == ["top", "x abc▌"]
    assert {len(line) for line in screen.lines} == {COLUMNS}
    assert (screen.row, screen.column, screen.is_in_frame) == (1, 1, True)
    screen.feed(b"\x1b[?2026l\x1b[2;6H")
    assert screen.typed("abc") is screen.typed("ab", 1) is True
    assert screen.is_in_frame is screen.typed("ab") is False
    screen.feed(b"\x1b[2J")
    assert not screen.text.strip()


_SLOW_ECHO = """
import sys, time, tty
tty.setraw(0)
print("ready", end="", flush=True)
while letter := sys.stdin.read(1):
    time.sleep(0.05)
    print(letter, end="", flush=True)
"""


def test_keys_are_timed_whether_or_not_the_program_keeps_up() -> None:
    def ends_with(text: str) -> Stroke:
        return Stroke(text[-1], {"echo": lambda screen: screen.typed(f"ready{text}")})

    with Terminal([sys.executable, "-c", _SLOW_ECHO], {}) as terminal:
        terminal.until(lambda screen: screen.typed("ready"), "the start")
        begun = terminal.cpu
        [times] = terminal.press_all([ends_with("x" * count) for count in range(1, 9)], 0.01).values()
        # Each echo takes 50 ms, and a key comes every 10: the last waits for all before it.
        assert all(time >= 50 for time in times)
        assert times[-1] >= 8 * 50 - 7 * 10
        assert len(terminal.pressed) == len(times) == 8
        assert terminal.cpu >= begun > 0
        assert terminal.megabytes > 1
        assert terminal.wakeups > 0


def test_what_is_never_painted_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.terminal.PATIENCE", 0.2)
    with Terminal([sys.executable, "-c", _SLOW_ECHO], {}) as terminal:
        with pytest.raises(NeverPaintedError, match="a miracle"):
            terminal.until(lambda screen: "miracle" in screen.text, "a miracle")
        with pytest.raises(NeverPaintedError, match="echo"):
            terminal.press_all([Stroke("x", {"echo": lambda screen: "miracle" in screen.text})], 0)


async def test_the_plain_scan_finds_what_the_program_finds(tmp_path: Path) -> None:
    home = await asyncio.to_thread(prepare, tmp_path, 400)
    expected = searches.expect(home.store_file)
    store = Store.open(home.store_folder)
    try:
        await store.search.load()
        for typed, answer in expected.answers.items():
            query = parse_query(Tab.ALL, typed)
            [*_, found] = [found async for found in store.search.find(query)]
            names = [row.name for row in found.rows.window(0, len(answer.first) or 1)]
            assert (typed, [*answer.first]) == (typed, names)
            assert answer.count == (None if query.is_everything else len(found.rows)), typed
    finally:
        store.close()
    assert len(expected.answers) > 100
    assert len({answer.count for answer in expected.answers.values()}) > 20


@pytest.mark.timeout(600)
def test_a_tiny_run_measures_every_key(tmp_path: Path) -> None:
    output = tmp_path / "result.json"
    options = ["--sizes", "200", "--rounds", "1", "--only", "keys", "--json", str(output)]
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS), *options], capture_output=True, text=True, check=False
    )
    # One round can't be trusted.
    assert done.returncode == 1, done.stderr
    stored = json.loads(output.read_text("utf-8"))
    assert stored["problems"] == []
    assert stored["facts"]["TEXTUAL_FPS"].isdigit()
    assert len(stored["load"]) == 1
    counts = {
        (one["name"], one["contacts"]): [len(values) for values in one["rounds"]] for one in stored["samples"]
    }
    letters = {
        "names": sum(map(len, searches.NAMES)),
        "qualifiers": sum(map(len, searches.QUALIFIED)),
    }
    for kind, number in letters.items():
        for pace in report.PACES:
            for effect in ("echo", "settled"):
                assert counts[f"{kind}, {pace}: {effect}", 200] == [number]
    for name in ("names, typist: settled", "qualifiers, key repeat: echo", "not trusted"):
        assert name in done.stdout
