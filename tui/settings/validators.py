"""The kinds of settings: what each allows, in words and in code. Cheap to import, as every start reads it."""

from __future__ import annotations

import re
from datetime import time
from typing import Any, Protocol
from urllib.parse import urlsplit

from tui.net.loopback import is_loopback

_LONGEST_SHOWN = 60


class InvalidValueError(ValueError):
    """A value that a setting doesn't take; its words go after the setting's name."""


class Validator(Protocol):
    """What a setting takes."""

    allowed: str
    """What is allowed, to stand after "has to be"."""

    def validate(self, value: object) -> Any:
        """Return a value of a file, a variable or the command line as it is kept.

        Raises `InvalidValueError`.
        """
        ...


class UrlValidator:
    """An https address; http is taken for this machine alone."""

    allowed = "an https:// address (http:// for this machine alone)"

    def validate(self, value: object) -> str:
        """Return the address without a slash at its end."""
        text = _text(value)
        if not _is_usable(text):
            # Not repeated: it may hold a password.
            raise InvalidValueError(f"is not an address that can be used. It has to be {self.allowed}.")
        return text.rstrip("/")


class PatternValidator:
    """A name of letters, digits and hyphens, such as Xero's client ids."""

    def __init__(self, allowed: str, pattern: str = r"[0-9A-Za-z-]{1,64}") -> None:
        self.allowed = allowed
        self._pattern = pattern

    def validate(self, value: object) -> str:
        """Return the word as it is."""
        text = _text(value)
        if not re.fullmatch(self._pattern, text, re.ASCII):
            raise InvalidValueError(f"has to be {self.allowed}.")
        return text


class ChoiceValidator:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self._words = words
        self.allowed = " or ".join(f'"{word}"' for word in words)

    def validate(self, value: object) -> str:
        """Return the word as it is."""
        text = _text(value)
        if text not in self._words:
            raise _not(text, self.allowed)
        return text


class TimeOfDayValidator:
    """A local time, without a time zone."""

    allowed = 'a time such as "06:00"'

    def validate(self, value: object) -> str:
        """Return the time as it is written."""
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
        """Return the name as it is written."""
        text = _text(value)
        from zoneinfo import ZoneInfo

        try:
            ZoneInfo(text)
        # A name that is a folder of zones, or nothing of the kind.
        except (KeyError, ValueError, OSError):
            raise _not(text, self.allowed) from None
        return text


class SecondsValidator:
    """A length of time above zero."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.allowed = f"a number of seconds above 0, at most {most}"

    def validate(self, value: object) -> float:
        """Return the seconds."""
        try:
            # True is a number to Python, and none to a person.
            seconds = float(value) if isinstance(value, int | float | str) and value is not True else 0.0
        except (ValueError, OverflowError):
            seconds = 0.0
        if not 0 < seconds <= self._most:
            raise _not(value, self.allowed)
        return seconds


class IntegerValidator:
    """A whole number between two others."""

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
    """Keys for an action, in Textual's spelling; `tui.app.keymap` knows which a terminal has."""

    allowed = 'keys with commas between them, such as "f5,ctrl+r"'

    def validate(self, value: object) -> str:
        """Return the keys as they are written, without spaces."""
        text = _text(value).replace(" ", "")
        if not text.isprintable() or not all(text.split(",")):
            raise _not(text, self.allowed)
        return text


def printable(text: str) -> str:
    """Return text as a message may repeat it: on one line, harmless to a terminal, not too long."""
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


def _not(value: object, allowed: str) -> InvalidValueError:
    if isinstance(value, str):
        return InvalidValueError(f'is "{printable(value)}". It has to be {allowed}.')
    return InvalidValueError(f"has to be {allowed}.")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValueError("has to be text in quotes.")
    return value


def _is_usable(url: str) -> bool:
    # Paths are appended to it, and programs disagree on what hides a host: none of these is needed.
    if any(char in "?#@\\" or not char.isprintable() or char.isspace() for char in url):
        return False
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    secure = parts.scheme == "https" or (parts.scheme == "http" and is_loopback(url))
    return bool(secure and parts.hostname)
