"""Xero's time, calculated from this computer's clock and the dates of Xero's replies."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest
from engine.model_xero import START, Clock

from tui.engine.clock import XeroClock
from tui.engine.connectivity import StorageHealth
from tui.model.errors import StoreError
from tui.model.reasons import GeneralReason, Notice
from tui.store.sync_state import CLOCK_AHEAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.store import Store

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
NONE = timedelta()
PATIENCE = 30


class Hands:
    """A computer's clock, the time really passed, and the program's estimate of Xero's time."""

    def __init__(self, store: Store) -> None:
        self.machine = Clock()
        self.passed = 0.0
        self.moved = self.doubts = 0
        self.clock = XeroClock(self.machine, store, lambda: self.passed)
        self.clock.on_offset_changed = self._note
        self.clock.on_uncertain = self._doubt

    def _note(self) -> None:
        self.moved += 1

    def _doubt(self) -> None:
        self.doubts += 1

    def answer(self, ahead: timedelta, *, took: float = 0.2, early: float = 0.0) -> None:
        """Let Xero reply while this computer's clock is this far ahead of Xero's."""
        date = self.machine() - ahead - timedelta(seconds=early)
        self.clock.update_offset(date.replace(microsecond=0), took)

    def agree(self, ahead: timedelta) -> None:
        """Let Xero reply as often as it takes to be trusted."""
        for _ in range(3):
            self.answer(ahead)

    def wait(self, time: timedelta) -> None:
        self.machine.at += time
        self.passed += time.total_seconds()


@pytest.fixture
def hands(store: Store) -> Hands:
    return Hands(store)


def test_time_is_that_of_this_computer_before_the_first_reply(hands: Hands) -> None:
    assert (hands.clock(), hands.clock.ahead) == (START, NONE)


@pytest.mark.parametrize("ahead", [timedelta(days=2), 10 * MINUTE, -10 * MINUTE, -timedelta(days=2)])
def test_several_replies_set_xeros_time(hands: Hands, ahead: timedelta) -> None:
    for number in range(3):
        assert (hands.clock.ahead, hands.moved) == (NONE, 0)
        assert hands.doubts == number
        hands.answer(ahead)
    assert (hands.clock.ahead, hands.clock()) == (ahead, START - ahead)
    assert (hands.moved, hands.doubts) == (1, 2)


@pytest.mark.parametrize("known", [NONE, 10 * MINUTE, -10 * MINUTE])
@pytest.mark.parametrize("jump", [timedelta(days=2), timedelta(hours=1), 10 * SECOND])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("odd", [1, 2])
def test_few_replies_with_another_date_change_nothing(
    hands: Hands, known: timedelta, jump: timedelta, sign: int, odd: int
) -> None:
    hands.agree(known)
    moved = hands.moved
    for _ in range(5):
        for _ in range(odd):
            hands.answer(known + sign * jump)
            hands.wait(SECOND)
            assert hands.clock() == hands.machine() - known
        hands.answer(known)
    assert (hands.clock.ahead, hands.moved) == (known, moved)


def test_replies_whose_dates_do_not_advance_or_disagree_are_not_xeros_clock(hands: Hands) -> None:
    """Such as replies cached by a proxy, or of servers whose clocks differ."""
    kept = START + timedelta(days=2)
    for number in range(12):
        hands.clock.update_offset(kept, 0.2)
        hands.wait(MINUTE)
        hands.answer(timedelta(hours=number))
        hands.wait(MINUTE)
    assert (hands.clock.ahead, hands.moved) == (NONE, 0)
    # No extra request is made for any of them, either.
    assert hands.doubts <= 24


def test_one_reply_reveals_a_changed_system_clock(hands: Hands) -> None:
    hands.answer(NONE)
    for set_by in (timedelta(days=2), -timedelta(days=9), timedelta(hours=1)):
        before = hands.clock.ahead
        hands.machine.at += set_by
        hands.wait(MINUTE)
        hands.answer(before + set_by)
        assert hands.clock.ahead == before + set_by


@pytest.mark.parametrize(
    ("ahead", "took", "early"),
    [
        (NONE, 0.1, 0.0),
        (3 * SECOND, 0.1, 0.0),
        (-3 * SECOND, 0.1, 0.0),
        (NONE, 40.0, 39.0),  # Xero dated its answer, which then took its time
        (NONE, 40.0, 0.5),
    ],
)
def test_few_seconds_and_slow_replies_are_no_offset(
    hands: Hands, ahead: timedelta, took: float, early: float
) -> None:
    hands.answer(ahead, took=took, early=early)
    assert (hands.clock.ahead, hands.moved) == (NONE, 0)


def test_known_offset_stays_while_replies_agree(hands: Hands) -> None:
    hands.agree(10 * MINUTE)
    known = hands.clock.ahead
    for part in range(10):
        hands.wait(SECOND + timedelta(milliseconds=77 * part))
        hands.answer(10 * MINUTE, took=0.1 * part)
    assert (hands.clock.ahead, hands.moved) == (known, 1)


@pytest.mark.parametrize("ahead", [10 * MINUTE, -10 * MINUTE])
def test_slow_reply_can_only_make_the_time_too_early(hands: Hands, ahead: timedelta) -> None:
    for _ in range(3):
        hands.answer(ahead, took=20, early=19)
    assert ahead <= hands.clock.ahead <= ahead + 20 * SECOND
    hands.agree(ahead)
    assert abs(hands.clock.ahead - ahead) <= SECOND


def test_a_corrected_clock_is_noticed_with_the_next_reply(hands: Hands) -> None:
    hands.agree(10 * MINUTE)
    hands.machine.at -= 10 * MINUTE
    assert hands.clock() == START - 20 * MINUTE  # too early, which claims less
    hands.answer(NONE)
    assert (hands.clock(), hands.clock.ahead) == (START - 10 * MINUTE, NONE)


def test_correcting_a_slow_clock_never_makes_the_time_too_late(hands: Hands) -> None:
    hands.agree(-10 * MINUTE)
    hands.wait(MINUTE)
    assert hands.clock() == START + 11 * MINUTE
    hands.machine.at += 10 * MINUTE
    assert (hands.clock(), hands.clock.ahead) == (START + 11 * MINUTE, NONE)
    hands.answer(NONE)
    assert hands.clock() == START + 11 * MINUTE
    # A reply with the same date again changes nothing, either.
    hands.agree(-10 * MINUTE)
    assert hands.clock() == START + 21 * MINUTE


@pytest.mark.parametrize("ahead", [timedelta(days=500), timedelta(days=-500)])
def test_implausible_date_changes_nothing(hands: Hands, ahead: timedelta) -> None:
    hands.agree(ahead)
    assert (hands.clock(), hands.moved) == (START, 0)


def test_time_given_by_the_user_is_never_moved_later(hands: Hands) -> None:
    assert hands.clock.to_xero_time(START) == START
    hands.agree(10 * MINUTE)
    assert hands.clock.to_xero_time(START) == START - 10 * MINUTE
    hands.agree(-10 * MINUTE)
    assert hands.clock.to_xero_time(START) == START


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - the task says nothing when it has written
            await asyncio.sleep(0)


@pytest.mark.parametrize(("ahead", "remembered"), [(10 * MINUTE, 10 * MINUTE), (-10 * MINUTE, NONE)])
async def test_next_start_remembers_offsets_that_make_the_time_earlier(
    hands: Hands, store: Store, ahead: timedelta, remembered: timedelta
) -> None:
    keeping = asyncio.create_task(hands.clock.save_offset(StorageHealth(lambda: None)))
    hands.agree(ahead)
    await until(lambda: store.sync_state(CLOCK_AHEAD) == str(ahead.total_seconds()))
    assert Hands(store).clock.ahead == remembered
    hands.agree(NONE)
    await until(lambda: store.sync_state(CLOCK_AHEAD) == "0.0")
    assert Hands(store).clock.ahead == NONE
    keeping.cancel()


async def test_offset_is_saved_once_a_full_disk_has_room() -> None:
    class Full:
        def __init__(self) -> None:
            self.is_full, self.kept = True, ""

        def sync_state(self, _name: str) -> None:
            return None

        async def set_sync_state(self, _name: str, value: str) -> None:
            if self.is_full:
                self.is_full = False
                raise disk_full
            self.kept = value
            disk.record(None)

    full, said = Full(), list[Notice | None]()
    disk_full = StoreError(GeneralReason.UNEXPECTED_ERROR, kind="full")
    disk = StorageHealth(lambda: said.append(disk.write_problem))
    disk.wait_before_retry = lambda: asyncio.sleep(0)  # type: ignore[method-assign]
    hands = Hands(cast("Store", full))
    keeping = asyncio.create_task(hands.clock.save_offset(disk))
    hands.agree(10 * MINUTE)
    await until(lambda: full.kept)
    assert (full.kept, said) == ("600.0", [disk_full.notice, None])
    keeping.cancel()


@pytest.mark.parametrize("leap", [60 * MINUTE, -60 * MINUTE])
def test_the_time_is_certain_after_a_reply_until_the_clock_is_set(hands: Hands, leap: timedelta) -> None:
    seen = [hands.clock.is_certain]
    hands.answer(10 * MINUTE)
    seen.append(hands.clock.is_certain)
    hands.agree(10 * MINUTE)
    hands.wait(MINUTE)
    seen.append(hands.clock.is_certain)
    hands.machine.at += leap
    seen.append(hands.clock.is_certain)
    hands.answer(10 * MINUTE + leap)
    seen.append(hands.clock.is_certain)
    assert seen == [False, False, True, False, True]
