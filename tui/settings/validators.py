"""Validators for settings. Cheap to import: every start does."""

from __future__ import annotations

import re
from datetime import time
from typing import Any, Protocol
from urllib.parse import urlsplit

from tui.model.reasons import Notice, SettingsReason
from tui.net.loopback import is_loopback

_LONGEST_SHOWN = 60


class InvalidValueError(ValueError):
    """An invalid value. `notice` is the reason, without the place of the setting."""

    def __init__(self, notice: Notice) -> None:
        super().__init__(str(notice))
        self.notice = notice


class Validator(Protocol):
    """Checks the values of a setting."""

    allowed: Notice
    """Why other values are invalid; `tui.messages` derives the allowed values from it."""

    def validate(self, value: object) -> Any:
        """Return the parsed value from a file, a variable or the command line.

        Raises `InvalidValueError`.
        """
        ...


class UrlValidator:
    """An https URL; http only for this computer."""

    allowed = Notice(SettingsReason.INVALID_URL)

    def validate(self, value: object) -> str:
        """Return the URL without a trailing slash."""
        text = _text(value)
        if not _is_usable(text):
            # Not shown: it may contain a password.
            raise InvalidValueError(self.allowed)
        return text.rstrip("/")


class PatternValidator:
    """A name of letters, digits and hyphens, such as Xero's client IDs."""

    def __init__(self, reason: SettingsReason, pattern: str) -> None:
        self.allowed = Notice(reason)
        self._pattern = pattern

    def validate(self, value: object) -> str:
        """Return the text unchanged."""
        text = _text(value)
        if not re.fullmatch(self._pattern, text, re.ASCII):
            # Not shown: it may be a secret.
            raise InvalidValueError(self.allowed)
        return text


class UnifiedUrlValidator(UrlValidator):
    """One of Unified.to's regions, or this computer for practice."""

    def __init__(self, *regions: str) -> None:
        self._regions = regions
        self.allowed = Notice(SettingsReason.INVALID_UNIFIED_URL, {"choices": ", ".join(regions)})

    def validate(self, value: object) -> str:
        """Return the URL without a trailing slash."""
        url = super().validate(value)
        if url not in self._regions and not is_loopback(url):
            raise InvalidValueError(self.allowed)
        return url


class WordsValidator:
    """Words separated by commas."""

    allowed = Notice(SettingsReason.INVALID_WORDS)

    def validate(self, value: object) -> str:
        """Return the words without spaces around them."""
        words = [word.strip() for word in _text(value).split(",")]
        if not all(word and word.isprintable() for word in words):
            raise _not(value, self.allowed)
        return ",".join(words)


class ChoiceValidator:
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        self._words = words
        choices = ", ".join(f'"{word}"' for word in words)
        self.allowed = Notice(SettingsReason.INVALID_CHOICE, {"choices": choices})

    def validate(self, value: object) -> str:
        """Return the text unchanged."""
        text = _text(value)
        if text not in self._words:
            raise _not(text, self.allowed)
        return text


class TimeOfDayValidator:
    """A local time, without a time zone."""

    allowed = Notice(SettingsReason.INVALID_TIME)

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

    allowed = Notice(SettingsReason.INVALID_ZONE)

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
        self.allowed = Notice(SettingsReason.INVALID_SECONDS, {"most": most})

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
        self.allowed = Notice(SettingsReason.INVALID_NUMBER, {"least": least, "most": most})

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

    allowed = Notice(SettingsReason.INVALID_KEYS)

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


def _not(value: object, allowed: Notice) -> InvalidValueError:
    if isinstance(value, str):
        allowed = Notice(allowed.reason, {**allowed.params, "value": printable(value)})
    return InvalidValueError(allowed)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise InvalidValueError(Notice(SettingsReason.NOT_TEXT))
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
