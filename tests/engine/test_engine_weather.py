"""Bad weather: how long to wait, and who may end the waiting."""

from __future__ import annotations

import asyncio

import pytest
from engine.model_xero import START, Clock
from hypothesis import given, settings
from hypothesis import strategies as st

from tui.engine import weather
from tui.engine.pace import pull_interval
from tui.engine.weather import Weather
from tui.model.errors import (
    AnswerLostError,
    OfflineError,
    RateLimitedError,
    ReconnectError,
    RejectedError,
    ReshelveError,
    StoreError,
)
from tui.model.snapshot import Link


class Sky:
    def __init__(self) -> None:
        self.clock = Clock()
        self.changes = 0
        self.weather = Weather(self.clock, self.changed)

    def changed(self) -> None:
        self.changes += 1

    @property
    def wait(self) -> float:
        until = self.weather.link.waiting_until
        return 0.0 if until is None else (until - self.clock()).total_seconds()


@pytest.fixture
def sky() -> Sky:
    return Sky()


async def waits(weather: Weather) -> bool:
    """Say whether a caller would still be waiting once everything else that is ready has run."""
    waiting = asyncio.create_task(weather.clear())
    for _ in range(5):
        await asyncio.sleep(0)
    is_waiting = not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    return is_waiting


LOST = AnswerLostError("The answer was lost.", "Reshelve reads again.")


@pytest.mark.parametrize(
    ("error", "link", "seconds"),
    [
        (OfflineError("x"), Link.OFFLINE, 1),
        (LOST, Link.UNAVAILABLE, 1),
        (RateLimitedError(37, "minute"), Link.LIMITED, 37),
        (RateLimitedError(0, "concurrent"), Link.LIMITED, 1),
        (RateLimitedError(7200, "day"), Link.LIMITED, 7200),
        (ReconnectError("x"), Link.RECONNECT, 60),
        (RejectedError("x", 400), Link.UNAVAILABLE, 60),
        (StoreError("x"), Link.UNAVAILABLE, 1),
    ],
)
def test_each_failure_has_its_name_and_its_wait(
    sky: Sky, error: ReshelveError, link: Link, seconds: float
) -> None:
    sky.weather.bad(error)
    assert sky.weather.link.link is link
    assert sky.wait == seconds
    assert sky.changes == 1


def test_the_words_say_what_happened_and_what_to_do(sky: Sky) -> None:
    sky.weather.bad(LOST)
    assert sky.weather.link.detail == "The answer was lost. Reshelve reads again."


def test_the_wait_doubles_up_to_a_minute_and_an_answer_resets_it(sky: Sky) -> None:
    seen = []
    for _ in range(9):
        sky.weather.bad(OfflineError("x"))
        seen.append(sky.wait)
    assert seen == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    sky.weather.fine(59, 4999)
    assert sky.wait == 0
    sky.weather.bad(OfflineError("x"))
    assert sky.wait == 1


def test_a_limit_does_not_count_as_a_failure(sky: Sky) -> None:
    sky.weather.bad(OfflineError("x"))
    sky.weather.bad(RateLimitedError(5, "minute"))
    sky.weather.bad(OfflineError("x"))
    assert sky.wait == 2


def test_an_answer_tells_the_calls_left_and_forgets_the_trouble(sky: Sky) -> None:
    sky.weather.bad(LOST)
    sky.weather.fine(58, None)
    link = sky.weather.link
    assert (link.link, link.minute_calls_left, link.day_calls_left) == (Link.ONLINE, 58, None)
    assert (link.last_answer_at, link.waiting_until, link.detail) == (START, None, "")


def test_bad_weather_keeps_what_the_last_answer_said(sky: Sky) -> None:
    sky.weather.fine(58, 4800)
    sky.clock.forward(minutes=5)
    sky.weather.bad(OfflineError("x"))
    assert (sky.weather.link.last_answer_at, sky.weather.link.day_calls_left) == (START, 4800)


async def test_fine_weather_is_not_waited_for(sky: Sky) -> None:
    assert not await waits(sky.weather)


async def test_the_wait_ends_when_its_time_has_come(sky: Sky) -> None:
    sky.weather.bad(OfflineError("x"))
    assert await waits(sky.weather)
    sky.clock.forward(seconds=1)
    assert not await waits(sky.weather)


@pytest.mark.parametrize("error", [OfflineError("x"), LOST, ReconnectError("x"), RejectedError("x", 400)])
async def test_a_person_ends_the_wait(sky: Sky, error: ReshelveError) -> None:
    sky.weather.bad(error)
    waiting = [asyncio.create_task(sky.weather.clear()) for _ in range(3)]
    await asyncio.sleep(0)
    sky.weather.nudge()
    await asyncio.gather(*waiting)
    assert sky.weather.link.waiting_until is None


async def test_a_clock_set_back_does_not_prolong_the_wait(sky: Sky, monkeypatch: pytest.MonkeyPatch) -> None:
    elapsed = 0.0
    monkeypatch.setattr(weather, "monotonic", lambda: elapsed)
    sky.weather.bad(RateLimitedError(30, "minute"))
    sky.clock.forward(hours=-5)
    assert await waits(sky.weather)
    elapsed = 30.0
    assert not await waits(sky.weather)


async def test_a_person_who_was_quicker_than_the_wait_is_heard(sky: Sky) -> None:
    sky.weather.bad(OfflineError("x"))
    sky.weather.nudge()
    assert not await waits(sky.weather)


async def test_a_persons_nudge_starts_the_waits_anew(sky: Sky) -> None:
    for _ in range(6):
        sky.weather.bad(OfflineError("x"))
    sky.weather.nudge()
    sky.weather.bad(OfflineError("x"))
    assert sky.wait == 1


async def test_nobody_ends_the_wait_for_a_limit(sky: Sky) -> None:
    sky.weather.bad(RateLimitedError(30, "minute"))
    waiting = asyncio.create_task(sky.weather.clear())
    await asyncio.sleep(0)
    sky.weather.nudge()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()
    assert sky.wait == 30


async def test_an_answer_to_somebody_else_ends_everybodys_wait(sky: Sky) -> None:
    sky.weather.bad(OfflineError("x"))
    waiting = asyncio.create_task(sky.weather.clear())
    await asyncio.sleep(0)
    sky.weather.fine(60, 5000)
    await waiting
    assert sky.weather.link.link is Link.ONLINE


async def test_the_other_copy_is_named_without_a_countdown(sky: Sky) -> None:
    sky.weather.elsewhere()
    assert sky.weather.link.link is Link.ELSEWHERE
    assert "Another Reshelve" in sky.weather.link.detail
    assert not await waits(sky.weather)


# --- how often to look for news ---

WANTED = st.floats(0.1, 600)
LEFT = st.integers(0, 100_000)
examples = settings(max_examples=100, deadline=None)


@examples
@given(wanted=WANTED, left=LEFT)
def test_a_day_of_looking_leaves_a_fifth_of_the_calls_to_the_person(wanted: float, left: int) -> None:
    interval = pull_interval(wanted, left)
    assert wanted <= interval <= 600
    if interval < 600:
        assert 86_400 / interval <= left * 0.8 + 1e-6


@examples
@given(wanted=WANTED, fewer=LEFT, more=LEFT)
def test_fewer_calls_left_never_mean_looking_more_often(wanted: float, fewer: int, more: int) -> None:
    fewer, more = sorted((fewer, more))
    assert pull_interval(wanted, fewer) >= pull_interval(wanted, more)


@pytest.mark.parametrize(
    ("left", "expected"),
    [(None, 15), (5000, 21.6), (100_000, 15), (1000, 108), (100, 600), (1, 600), (0, 600)],
)
def test_the_pace_at_xeros_limits(left: int | None, expected: float) -> None:
    assert pull_interval(15, left) == pytest.approx(expected)
