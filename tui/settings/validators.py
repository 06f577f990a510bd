"""Validators for settings, each with a description of what it allows. Cheap to import: every start does."""

from __future__ import annotations

import re
from datetime import time
from typing import Any, Protocol
from urllib.parse import urlsplit

from tui.net.loopback import is_loopback

_LONGEST_SHOWN = 60


class InvalidValueError(ValueError):
    """An invalid value; the message follows the setting's name."""


class Validator(Protocol):
    """Checks the values of a setting."""

    allowed: str
    """The allowed values, phrased to follow "must be"."""

    def validate(self, value: object) -> Any:
        """Return the parsed value from a file, a variable or the command line.

        Raises `InvalidValueError`.
        """
        ...


class UrlValidator:
    """An https URL; http only for this computer."""

    allowed = "an https:// URL (http:// only for this computer)"

    def validate(self, value: object) -> str:
        """Return the URL without a trailing slash."""
        text = _text(value)
        if not _is_usable(text):
            # Not shown: it may contain a password.
            raise InvalidValueError(f"isn't a valid URL. It must be {self.allowed}.")
        return text.rstrip("/")


class PatternValidator:
    """A name of letters, digits and hyphens, such as Xero's client ids."""

    def __init__(self, allowed: str, pattern: str = r"[0-9A-Za-z-]{1,64}") -> None:
        self.allowed = allowed
        self._pattern = pattern

    def validate(self, value: object) -> str:
        """Return the text unchanged."""
        text = _text(value)
        if not re.fullmatch(self._pattern, text, re.ASCII):
            raise InvalidValueError(f"must be {self.allowed}.")
        return text


class ChoiceValidator:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self._words = words
        self.allowed = " or ".join(f'"{word}"' for word in words)

    def validate(self, value: object) -> str:
        """Return the text unchanged."""
        text = _text(value)
        if text not in self._words:
            raise _not(text, self.allowed)
        return text


class TimeOfDayValidator:
    """A local time, without a time zone."""

    allowed = 'a time such as "06:00"'

    def validate(self, value: object) -> str:
        """Return the time unchanged."""
        text = _text(value)
        try:
            if time.fromisoformat(text).tzinfo is None:
                return text
        except ValueError:
            pass
        raise _not(text, self.allowed)


class TimeZoneValidator:
    """A time zone by its IANA name."""

    allowed = 'a time zone such as "Pacific/Auckland"'

    def validate(self, value: object) -> str:
        """Return the name unchanged."""
        text = _text(value)
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(text)
        # The name of a folder of zones, or not a zone at all.
        except (KeyError, ValueError, OSError):
            raise _not(text, self.allowed) from None
        return text


class SecondsValidator:
    """A duration above zero."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.allowed = f"a number of seconds above 0, up to {most}"

    def validate(self, value: object) -> float:
        """Return the seconds."""
        try:
            # bool is a subclass of int.
            seconds = float(value) if isinstance(value, int | float | str) and value is not True else 0.0
        except (ValueError, OverflowError):
            seconds = 0.0
        if not 0 < seconds <= self._most:
            raise _not(value, self.allowed)
        return seconds


class IntegerValidator:
    """A whole number within a range."""

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most
        self.allowed = f"a whole number from {least} to {most}"

    def validate(self, value: object) -> int:
        """Return the number."""
        number = value if isinstance(value, int) and not isinstance(value, bool) else None
        if isinstance(value, str) and re.fullmatch(r"[0-9]{1,18}", value):
            number = int(value)
        if number is None or not self._least <= number <= self._most:
            raise _not(value, self.allowed)
        return number


class KeyNamesValidator:
    """Keys for an action, in Textual's spelling; `tui.app.keymap` knows which exist."""

    allowed = 'keys separated by commas, such as "f5,ctrl+r"'

    def validate(self, value: object) -> str:
        """Return the keys without spaces."""
        text = _text(value).replace(" ", "")
        if not text.isprintable() or not all(text.split(",")):
            raise _not(text, self.allowed)
        return text


def printable(text: str) -> str:
    """Return text that is safe to show: on one line, printable and shortened."""
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _not(value: object, allowed: str) -> InvalidValueError:
    if isinstance(value, str):
        return InvalidValueError(f'is "{printable(value)}". It must be {allowed}.')
    return InvalidValueError(f"must be {allowed}.")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValueError("must be text in quotes.")
    return value


def _is_usable(url: str) -> bool:
    # Paths are appended to it, and parsers disagree on how these characters hide a host.
    if any(char in "?#@\\" or not char.isprintable() or char.isspace() for char in url):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
    return bool(secure and parts.hostname)
