"""Searches the index for words, in slices short enough to keep the screen responsive."""

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
    """The contacts whose texts match a query, on all tabs: a mask for each chunk of the index.

    The query has no filters: matches of filters change all the time, those of texts only with the index.
    """

    query: Query
    masks: Sequence[int]


class RecentSearches:
    """Caches the last few searches of an index: the next query is usually similar to one of them."""

    def __init__(self) -> None:
        self._cache: OrderedDict[tuple[frozenset[str], ...], tuple[int, WordMatches]] = OrderedDict()

    def keep(self, matches: WordMatches, total: int) -> None:
        """Cache these matches, and evict the oldest."""
        key = (frozenset(matches.query.words), frozenset(matches.query.excluded_words))
        self._cache[key] = (total, matches)
        self._cache.move_to_end(key)
        if len(self._cache) > _MAX_CACHED:
            self._cache.popitem(last=False)

    def narrowest(self, query: Query) -> WordMatches | None:
        """Return the smallest cached matches that include all matches of the query."""
        wider = [entry for entry in self._cache.values() if query.narrows(entry[1].query)]
        return min(wider, key=lambda entry: entry[0])[1] if wider else None


class IndexScan:
    """One search of the index. Every slice adds to the matches and to the counts of the tabs.

    `within` are matches that include all matches of the query's texts. `allowed` are the masks of the
    contacts that match its filters, None if it has none.
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
        # Words that `within` was already searched for needn't be searched again.
        done = within.query if within else Query()
        # The longest word is likely the rarest, which leaves few texts to search for the others.
        self._words = sorted((word for word in query.words if word not in done.words), key=len, reverse=True)
        self._excluded_words = [word for word in query.excluded_words if word not in done.excluded_words]
        self._masks: list[int] = []
        self.matches = WordMatches(query.words_only, self._masks)
        #: How many contacts match the texts, whether or not they match the filters.
        self.texts_total = 0
        #: The mask of each chunk on the query's tab, and how many contacts it selects.
        self.shown: list[int] = []
        self.totals: list[int] = []
        self.counts = TabCounts()

    def slices(self) -> Iterator[None]:
        """Search one chunk per step, in well under a millisecond."""
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
