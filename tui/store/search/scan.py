"""Looking for words in the spine, in slices short enough for the screen to stay alive."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from tui.model.query import Query, Tab, TabCounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tui.store.search.contact_index import Chunk, ContactIndex

_MAX_CACHED: Final = 8


class WordMatches(Struct, frozen=True):
    """Who has the texts that a query asks for, on all tabs: a mask for each chunk of the spine.

    The query has no filters: who meets those changes all the time, and texts only with the spine.
    """

    query: Query
    masks: Sequence[int]


class RecentSearches:
    """The last few searches over one spine: what is typed, or taken back, next is mostly near one."""

    def __init__(self) -> None:
        self._cache: OrderedDict[tuple[frozenset[str], ...], tuple[int, WordMatches]] = OrderedDict()

    def keep(self, matches: WordMatches, total: int) -> None:
        """Remember these, and forget the oldest."""
        key = (frozenset(matches.query.words), frozenset(matches.query.excluded_words))
        self._cache[key] = (total, matches)
        self._cache.move_to_end(key)
        if len(self._cache) > _MAX_CACHED:
            self._cache.popitem(last=False)

    def narrowest(self, query: Query) -> WordMatches | None:
        """Return the fewest finds that are known to hold all that the query finds."""
        wider = [entry for entry in self._cache.values() if query.narrows(entry[1].query)]
        return min(wider, key=lambda entry: entry[0])[1] if wider else None


class IndexScan:
    """One search over the spine. Every slice adds to what is found, and to the counts of the tabs.

    `within` are finds that hold all that the query's texts find; `allowed` says who meets its filters, with
    a mask for each chunk, None where it has none.
    """

    def __init__(
        self,
        index: ContactIndex,
        query: Query,
        within: WordMatches | None,
        allowed: Sequence[int] | None = None,
    ) -> None:
        self._index = index
        self._tab = query.tab
        self._among = within
        self._allowed = allowed
        # Words that the finds narrowed down were found by already need no second look.
        done = within.query if within else Query()
        # The longest word is likely the rarest: the others are then looked for in few texts.
        self._words = sorted((word for word in query.words if word not in done.words), key=len, reverse=True)
        self._excluded_words = [word for word in query.excluded_words if word not in done.excluded_words]
        self._masks: list[int] = []
        self.matches = WordMatches(query.words_only, self._masks)
        #: How many contacts have the texts, whether or not they meet the filters.
        self.texts_total = 0
        #: The mask of each chunk on the tab that was asked for, and how many it shows.
        self.shown: list[int] = []
        self.totals: list[int] = []
        self.counts = TabCounts()

    def slices(self) -> Iterator[None]:
        """Scan one chunk at each step, in well under a millisecond."""
        for number, chunk in enumerate(self._index.chunks):
            texts = self._search_chunk(chunk, self._among.masks[number] if self._among else chunk.full_mask())
            found = texts if self._allowed is None else texts & self._allowed[number]
            active, archived = found & chunk.tab_mask(Tab.ACTIVE), found & chunk.tab_mask(Tab.ARCHIVED)
            shown = {Tab.ALL: found, Tab.ACTIVE: active, Tab.ARCHIVED: archived}[self._tab]
            self._masks.append(texts)
            self.texts_total += texts.bit_count()
            self.shown.append(shown)
            self.totals.append(shown.bit_count())
            self.counts = TabCounts(
                self.counts.all + found.bit_count(),
                self.counts.active + active.bit_count(),
                self.counts.archived + archived.bit_count(),
            )
            yield

    def _search_chunk(self, chunk: Chunk, mask: int) -> int:
        for word in self._words:
            if not mask:
                break
            mask = chunk.find(word, mask)
        for word in self._excluded_words:
            mask ^= chunk.find(word, mask)
        return mask
