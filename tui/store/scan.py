"""Looking for words in the spine, in slices short enough for the screen to stay alive."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from itertools import compress, repeat
from operator import contains
from typing import TYPE_CHECKING, Final, TypeVar

from tui.model.query import Query, Tab, TabCounts
from tui.store.spine import ACTIVE, ARCHIVED, TAB_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tui.store.spine import Spine

T = TypeVar("T")

_ROWS_A_SLICE: Final = 4_096


class Scan:
    """One search over the spine: every slice adds to the hits of all tabs and to their counts."""

    def __init__(self, spine: Spine, query: Query, among: Hits | None) -> None:
        self._spine = spine
        self._tab = query.tab
        # Words that the hits narrowed down were found by already need no second look.
        done = frozenset(among.words) if among else frozenset()
        # The longest word is likely the rarest: the others are then looked for in few texts.
        self._words = sorted((word for word in query.words if word not in done), key=len, reverse=True)
        self._among: Sequence[int] = range(len(spine)) if among is None else among.places
        self.hits = Hits(query.words, array("I"))
        #: The hits on the tab that was asked for.
        self.shown = array("I")
        self.counts = TabCounts()

    def slices(self) -> Iterator[None]:
        """Scan a slice at each step, each well under a millisecond."""
        active = archived = 0
        for start in range(0, len(self._among), _ROWS_A_SLICE):
            places = self._among[start : start + _ROWS_A_SLICE]
            for word in self._words:
                texts = _at(self._spine.texts, places)
                places = array("I", compress(places, map(contains, texts, repeat(word))))
            statuses = bytes(_at(self._spine.statuses, places))
            active += statuses.count(ACTIVE)
            archived += statuses.count(ARCHIVED)
            self.hits.places.extend(places)
            self.shown.extend(on_tab(places, statuses, self._tab))
            self.counts = TabCounts(len(self.hits.places), active, archived)
            yield


class Hits:
    """The places, on all tabs, at which some words are found."""

    def __init__(self, words: tuple[str, ...], places: array[int]) -> None:
        self.words = words
        self.places = places


class HitsCache:
    """The finds of the last few searches over one spine: what is typed next mostly narrows one of them."""

    def __init__(self, most_places: int) -> None:
        self._most_places = most_places
        self._kept: OrderedDict[frozenset[str], Hits] = OrderedDict()

    def keep(self, hits: Hits) -> None:
        """Remember these, and forget the oldest beyond what memory allows."""
        self._kept[frozenset(hits.words)] = hits
        self._kept.move_to_end(frozenset(hits.words))
        while (
            len(self._kept) > 1 and sum(len(kept.places) for kept in self._kept.values()) > self._most_places
        ):
            self._kept.popitem(last=False)

    def narrowest(self, query: Query) -> Hits | None:
        """Return the fewest hits that are known to hold all that the query finds."""
        wider = (hits for hits in self._kept.values() if query.narrows(Query(query.tab, hits.words)))
        return min(wider, key=lambda hits: len(hits.places), default=None)


def _at(values: Sequence[T], places: Sequence[int]) -> Iterable[T]:
    if isinstance(places, range):
        return values[places.start : places.stop]
    return map(values.__getitem__, places)


def on_tab(places: Sequence[int], statuses: bytes, tab: Tab) -> Sequence[int]:
    """Return those places whose status belongs on the tab."""
    wanted = TAB_BYTES.get(tab)
    if wanted is None:
        return places
    return array("I", compress(places, statuses.translate(_ONLY[wanted])))


_ONLY: Final = {kept: bytes(int(byte == kept) for byte in range(256)) for kept in (ACTIVE, ARCHIVED)}
