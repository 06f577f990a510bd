"""Nothing that was closed stays in memory, and painting leaves nothing that only a collection frees."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections import Counter
from contextlib import contextmanager
from contextvars import Context
from typing import TYPE_CHECKING

import pytest
from rich.segment import Segment
from support.screen_test import running
from textual._styles_cache import StylesCache
from textual.cache import LRUCache
from textual.color import Color
from textual.dom import DOMNode
from textual.strip import Strip

from tui.app import garbage
from tui.app.garbage import GarbageCollector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.idle_engine import IdleEngine

_TIMES = 6

pytestmark = pytest.mark.slow


class _Kept:
    """Something that a weak reference can point to."""


def _live(*kinds: type) -> Counter[str]:
    # A timer that was cancelled keeps its context, and with it a screen, until it is due: not for good.
    for handle in asyncio.get_running_loop()._scheduled:  # type: ignore[attr-defined]
        if handle.cancelled():
            handle._context = Context()
    gc.collect()
    return Counter(type(found).__name__ for found in gc.get_objects() if isinstance(found, kinds))


@contextmanager
def _no_collections() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "key", ["enter", "question_mark", "l", "t", "ctrl+o", "f", "ctrl+g", "m", "h", "a", "u", "ctrl+p"]
)
async def test_a_screen_that_was_closed_is_gone(busy: IdleEngine, key: str) -> None:
    async with running(busy) as driver:

        async def open_and_close() -> None:
            await driver.press(key)
            assert not driver.is_home
            while not driver.is_home:
                await driver.press("escape")

        await open_and_close()
        await open_and_close()
        before = _live(DOMNode, StylesCache)
        for _ in range(_TIMES):
            await open_and_close()
        grown = _live(DOMNode, StylesCache) - before
        # The screen closed last may still be on its way out.
        assert all(count < _TIMES // 2 for count in grown.values()), grown


def test_the_lines_of_a_widget_are_not_kept_with_its_colours() -> None:
    colour = Color.parse("red")
    with _no_collections():
        styles = StylesCache()
        styles.itself = _Kept()  # type: ignore[attr-defined]
        kept = weakref.ref(styles.itself)  # type: ignore[attr-defined]
        assert styles.get_inner_outer(colour, colour) == StylesCache().get_inner_outer(colour, colour)
        del styles
        assert kept() is None


@pytest.mark.parametrize("cuts", [[9], [4, 9], [9, 12], [12]])
def test_a_line_that_was_cut_is_freed_without_a_collection(cuts: list[int]) -> None:
    with _no_collections():
        strip = Strip([Segment("Bay"), Segment("side C")], 9)
        parts = strip.divide(cuts)
        assert [part.text for part in parts] == {9: ["Bayside C"], 4: ["Bays", "ide C"], 12: []}[cuts[0]]
        assert strip.divide(cuts) == parts
        del strip, parts
        assert gc.collect() == 0


@pytest.mark.parametrize("is_cleared", [True, False])
def test_a_cache_frees_what_it_held_without_a_collection(*, is_cleared: bool) -> None:
    with _no_collections():
        cache: LRUCache[int, _Kept] = LRUCache(3)
        for number in range(5):
            cache[number] = _Kept()
        held = [weakref.ref(cache[number]) for number in (2, 3, 4)]
        assert all(reference() is not None for reference in held)
        if is_cleared:
            cache.clear()
            cache[7] = _Kept()
            assert list(cache.keys()) == [7]
        else:
            del cache
        assert [reference() for reference in held] == [None, None, None]


async def test_garbage_is_collected_in_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(garbage, "_QUIET_SECONDS", 0)
    monkeypatch.setattr(gc, "freeze", lambda: None)
    thresholds = gc.get_threshold()
    collector = GarbageCollector()
    gc.disable()
    try:
        collector.enable()
        for _ in range(2):
            ring = _Kept()
            ring.itself = ring  # type: ignore[attr-defined]
            reference = weakref.ref(ring)
            del ring
            collector.record_activity()
            async with asyncio.timeout(30):
                while reference() is not None:  # noqa: ASYNC110 - nothing else tells
                    await asyncio.sleep(0)
    finally:
        collector.close()
        gc.set_threshold(*thresholds)
        gc.enable()
