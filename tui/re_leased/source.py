"""The interface to Re-Leased's own contacts, and sources of it in other packages.

`tui.re_leased.unified` is the source that comes with Reshelve. A firm with access to Re-Leased in another way
can write its own: a class with the two methods of `ContactSource`, named by an entry point of the group
`reshelve.re_leased_sources`. The class is called with one argument, a `SourceOptions`. It raises failures as
`ContactSourceError(ContactSourceReason.SOURCE_PROBLEM, problem="...")` with a sentence for the user, and
never returns a part of a list as all of it. If it has an async method `aclose`, that is called at the end.
`docs/re-leased.md` has a complete example.
"""

from __future__ import annotations

import asyncio
import inspect
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Protocol

from msgspec import Struct

from tui.model.errors import ContactSourceError
from tui.model.re_leased import Page, ReLeasedCompany, ReLeasedContact
from tui.model.reasons import ContactSourceReason
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from importlib.metadata import EntryPoint

    from tui.model.re_leased import FieldMapping

__all__ = [
    "ContactSource",
    "ContactSourceError",
    "ContactSourceReason",
    "Page",
    "ReLeasedCompany",
    "ReLeasedContact",
    "SourceOptions",
    "installed_sources",
    "load_source",
]

#: The entry point group in which packages name their sources.
GROUP: Final = "reshelve.re_leased_sources"
_TEXT_FIELDS: Final = (("id", "name"), ("xero_id", "company_id", "currency"))


class ContactSource(Protocol):
    """A source of Re-Leased's contacts, for one Xero organisation."""

    async def list_contacts(self, updated_since: datetime | None, cursor: str | None) -> Page:
        """Return a page of the contacts, archived ones included.

        `updated_since` asks only for contacts changed at or after that time; a source that can't filter
        returns all. `cursor` is the `next_cursor` of the page before; None starts at the beginning. The field
        `archived` is set only if Re-Leased returned the status. Raises `ContactSourceError`, also for a list
        that isn't complete.
        """
        ...

    async def companies(self) -> list[ReLeasedCompany]:
        """Return Re-Leased's companies. Raises `ContactSourceError`."""
        ...


class OpenSource(ContactSource, Protocol):
    """A source in use by Reshelve, until it is closed."""

    #: The fields of Re-Leased's own record that the user chose; None if the source takes none.
    mapping: FieldMapping | None

    async def aclose(self) -> None:
        """Close what the source has open."""
        ...


class SourceOptions(Struct, frozen=True):
    """What a source is created for: a Xero organisation, and its company in Re-Leased if it was chosen."""

    tenant_id: str
    organisation: str = ""
    company_id: str | None = None


def installed_sources() -> list[str]:
    """Return the names of the sources that other packages have, sorted. Blocks; loads none of them."""
    return sorted({found.name for found in _entry_points()})


def load_source(name: str, options: SourceOptions) -> OpenSource:
    """Return a source by the name of its entry point. Blocks, as it imports its package.

    Any failure of the package, now or later, is raised as `ContactSourceError`.
    """
    found = [entry for entry in _entry_points() if entry.name == name]
    if not found:
        known = ", ".join(installed_sources()) or "none"
        raise ContactSourceError(ContactSourceReason.UNKNOWN_SOURCE, name=name, known=known)
    if len({entry.value for entry in found}) > 1:
        raise ContactSourceError(ContactSourceReason.DUPLICATE_SOURCE, name=name)
    try:
        source = found[0].load()(options)
        for method in (source.list_contacts, source.companies):
            if not inspect.iscoroutinefunction(method):
                raise TypeError(f"{method.__name__} isn't an async method")
    except ContactSourceError:
        raise
    # Anything can happen in another package, even an exit.
    except (Exception, SystemExit) as error:
        logger.warning("the source of Re-Leased contacts %r can't be loaded", name, exc_info=True)
        raise ContactSourceError(
            ContactSourceReason.NOT_LOADED, name=name, problem=type(error).__name__
        ) from error
    return _CheckedSource(name, source)


def _entry_points() -> tuple[EntryPoint, ...]:
    from importlib.metadata import entry_points

    return tuple(entry_points(group=GROUP))


class _CheckedSource(OpenSource):
    """A source from another package. Its exceptions and invalid results become `ContactSourceError`."""

    def __init__(self, name: str, source: ContactSource) -> None:
        self.mapping = None
        self._name = name
        self._source = source

    async def list_contacts(self, updated_since: datetime | None, cursor: str | None) -> Page:
        page: Page = await self._checked(
            lambda: self._source.list_contacts(updated_since, cursor), lambda page: _check_page(page, cursor)
        )
        return page

    async def companies(self) -> list[ReLeasedCompany]:
        found: list[ReLeasedCompany] = await self._checked(self._source.companies, _check_companies)
        return found

    async def aclose(self) -> None:
        """Close what the source has open, if it can be closed; failures are only logged."""
        try:
            close = getattr(self._source, "aclose", None)
            if close is not None:
                await close()
        except Exception:  # noqa: BLE001 - anything can happen in another package
            logger.warning("the source of Re-Leased contacts %r can't be closed", self._name, exc_info=True)

    async def _checked(self, call: Callable[[], Awaitable[Any]], check: Callable[[Any], None]) -> Any:
        try:
            value = await call()
            check(value)
        except ContactSourceError:
            raise
        except asyncio.CancelledError:
            # Ours if this task was cancelled; anything else is the source's own.
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise self._broken("CancelledError") from None
        except Exception as error:
            logger.warning("the source of Re-Leased contacts %r failed", self._name, exc_info=True)
            raise self._broken(type(error).__name__) from error
        return value

    def _broken(self, problem: str) -> ContactSourceError:
        return ContactSourceError(ContactSourceReason.BROKEN, name=self._name, problem=problem)


def _check_page(page: Any, cursor: str | None) -> None:
    """Raise `TypeError` or `ValueError` for anything that isn't a valid page."""
    _check(isinstance(page, Page) and isinstance(page.contacts, tuple), "not a page")
    _check(isinstance(page.unreadable, int) and page.unreadable >= 0, "unreadable isn't a count")
    _check(page.next_cursor is None or isinstance(page.next_cursor, str), "next_cursor isn't text")
    if cursor is not None and page.next_cursor == cursor:
        raise ValueError("next_cursor doesn't advance")
    for contact in page.contacts:
        _check(isinstance(contact, ReLeasedContact), "not a contact")
        _check(contact.archived is None or isinstance(contact.archived, bool), "archived isn't a bool")
        required, optional = _TEXT_FIELDS
        _check(all(isinstance(getattr(contact, name), str) for name in required), "a field isn't text")
        _check(all(isinstance(getattr(contact, name), str | None) for name in optional), "a field isn't text")
        for texts in (contact.people, contact.emails):
            _check(isinstance(texts, tuple) and all(isinstance(text, str) for text in texts), "not texts")
        at = contact.updated_at
        _check(at is None or (isinstance(at, datetime) and at.tzinfo is not None), "updated_at has no zone")


def _check_companies(companies: Any) -> None:
    _check(isinstance(companies, list), "not a list")
    for company in companies:
        _check(isinstance(company, ReLeasedCompany) and isinstance(company.id, str), "not a company")


def _check(is_valid: object, problem: str) -> None:
    if not is_valid:
        raise TypeError(problem)
