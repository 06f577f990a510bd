"""Opens a page in the user's browser without giving it this terminal.

The standard library's `webbrowser` isn't suitable: browsers it starts write to the terminal or take it over,
and most exit codes are ignored.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from tui.system.log import logger
from tui.system.platform import OWN_SESSION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# Seconds. A helper that can't open a page has exited by then; a started browser keeps running.
_LAUNCH_TIMEOUT: Final = 3.0
_IN_TERMINAL: Final = frozenset({
    "browsh", "carbonyl", "cha", "chawan", "edbrowse", "elinks", "felinks", "links", "links2", "lynx",
    "netrik", "offpunk", "retawq", "w3m", "www-browser",
})  # fmt: skip
# Without a desktop, these open a terminal browser.
_WITH_A_DESKTOP_ONLY: Final = frozenset({"sensible-browser", "webbrowser"})
# Commands that open a page with the desktop's default browser, most specific first.
_ANYWHERE: Final = (["wslview"], ["termux-open-url"])
_ON_A_DESKTOP: Final = (["xdg-open"], ["gio", "open"], ["kde-open"], ["exo-open"], ["x-www-browser"])
_BROWSERS: Final = ("firefox", "firefox-esr", "google-chrome", "chromium", "chromium-browser", "epiphany")


def open_page(url: str) -> bool:
    """Open the page and return whether that worked. Blocks for seconds: call it in a thread."""
    if urlsplit(url).scheme not in {"http", "https"} or not url.isprintable() or " " in url:
        return False
    return _open_on_windows(url) if sys.platform == "win32" else _open_on_posix(url)


def _open_on_posix(url: str) -> bool:
    # The helpers use this variable; without it, they would use terminal browsers.
    desktop_environment = os.environ | {"BROWSER": os.pathsep.join(_BROWSERS)}
    return any(_try_open(command, url, os.environ) for command in _user_commands()) or any(
        _try_open(command, url, desktop_environment) for command in _default_commands()
    )


def _open_on_windows(url: str) -> bool:
    if sys.platform == "win32":
        with suppress(OSError):
            os.startfile(url)  # noqa: S606 - an address, checked above
            return True
    return False


def _user_commands() -> Iterator[list[str]]:
    """Yield the commands in $BROWSER, in which `%s` is the URL."""
    for command in os.environ.get("BROWSER", "").split(os.pathsep):
        with suppress(ValueError):
            arguments = [word for word in shlex.split(command) if word != "&"]
            if arguments:
                yield arguments


def _default_commands() -> Iterator[list[str]]:
    """Yield the commands that open a page on this system."""
    yield from (["open"],) if sys.platform == "darwin" else _ANYWHERE
    if _has_desktop():
        yield from _ON_A_DESKTOP
        yield from ([name] for name in _BROWSERS)


def _has_desktop() -> bool:
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _try_open(command: list[str], url: str, environment: Mapping[str, str]) -> bool:
    """Run a command in its own session; return whether it succeeded or is still running."""
    if not shutil.which(command[0]) or any(map(_is_in_terminal, command)):
        return False
    arguments = [word.replace("%s", url) for word in command]
    try:
        process = subprocess.Popen(  # noqa: S603 - no shell, and the address is checked
            arguments if arguments != command else [*command, url],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **OWN_SESSION,
        )
    except (OSError, ValueError) as error:
        logger.info("%s can't be started: %s", Path(command[0]).name, type(error).__name__)
        return False
    try:
        code = process.wait(_LAUNCH_TIMEOUT)
    except subprocess.TimeoutExpired:
        # Reaped when it ends, so that it doesn't become a zombie.
        threading.Thread(target=process.wait, daemon=True).start()
        return True
    logger.info("%s ended with %d", Path(command[0]).name, code)
    return code == 0


def _is_in_terminal(word: str) -> bool:
    """Return whether part of a command is a terminal browser, even in a shell command or behind a link."""
    names = _IN_TERMINAL if _has_desktop() else _IN_TERMINAL | _WITH_A_DESKTOP_ONLY
    for part in re.split(r"[\s;&|]+", word):
        found = shutil.which(part)
        for name in (Path(part).name, Path(found).resolve().name if found else ""):
            if name in names or re.split(r"[-.]", name)[0] in names:
                return True
    return False
