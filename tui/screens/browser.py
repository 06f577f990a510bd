"""Opening a page in the person's browser."""

from __future__ import annotations

import webbrowser
from typing import Final

# These would draw over the terminal that the app is drawing in.
_IN_TERMINAL: Final = frozenset({"www-browser", "links", "elinks", "lynx", "w3m"})


def open_page(url: str) -> bool:
    """Open the page and say whether there was a browser to do it; blocks, so call it in a thread."""
    try:
        browser = webbrowser.get()
    except webbrowser.Error:
        return False
    name = str(getattr(browser, "name", "")).rsplit("/", 1)[-1]
    return name not in _IN_TERMINAL and browser.open(url)
