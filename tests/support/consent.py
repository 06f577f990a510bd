"""A user at the practice Xero's consent page, without a browser."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from support.practice import Reply, http

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Form(HTMLParser):
    """The one form of the page: where it goes, what it carries, and the organisations to choose from."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action = ""
        self.hidden: list[tuple[str, str]] = []
        self.tenants: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = found["action"]
        elif found.get("type") == "hidden":
            self.hidden.append((found["name"], found["value"]))
        elif found.get("type") == "checkbox":
            self.tenants.append(found["value"])


def decide(url: str, decision: str = "allow", tenants: Sequence[str] | None = None) -> str:
    """Open the consent page, tick organisations (default: all), click a button; return where it leads."""
    shown = http("GET", url)
    assert shown.status == 200, shown
    form = _Form(shown.body.decode())
    ticked = form.tenants if tenants is None else tenants
    pressed = [*form.hidden, *(("tenant", one) for one in ticked), ("decision", decision)]
    answer = http("POST", urljoin(url, form.action), form=pressed)
    assert answer.status == 302, answer
    return answer.headers["Location"]


def sign_in(url: str, decision: str = "allow", tenants: Sequence[str] | None = None) -> Reply:
    """Decide, follow the redirect back to the program, and return the page it replies with."""
    return http("GET", decide(url, decision, tenants))
