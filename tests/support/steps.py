"""Reads the numbered step lists of a Markdown page, so that a test can do what they say, key by key.

A step presses a key (press `a`), types a text (type `hill`), says what is shown (*pending*), or has a value
copied into a box (copy its client ID into the box). Anything else that sounds like something to do, such as
"type a few letters", is refused: a test can't do it, and two readers would do it differently.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

NAMED_KEYS = {"Enter": "enter", "Esc": "escape", "Tab": "tab", "Space": "space", "F7": "f7"}

_HEADING = re.compile(r"#+ (.+)")
_ITEM = re.compile(r"(\d+)[.)] (.+)")
_PART = re.compile(
    r"`(?P<code>[^`]+)`|(?P<row>\brow shows )?\*(?P<label>[^*]+)\*"
    r"|copy (?P<value>[\w ]+?) into the box|(?P<verb>\b(?:press|type|click|choose|enter|select)\b)",
    re.IGNORECASE,
)


class UnreadableStepError(ValueError):
    """A step can't be carried out as written."""


@dataclass(frozen=True, slots=True)
class Press:
    """Press one key, by Textual's name."""

    key: str


@dataclass(frozen=True, slots=True)
class Type:
    """Type a text."""

    text: str


@dataclass(frozen=True, slots=True)
class See:
    """Words that are on the screen now or soon; with `in_row`, in the row under the cursor."""

    words: str
    in_row: bool = False


@dataclass(frozen=True, slots=True)
class Fill:
    """Paste a value that the step only names."""

    value: str


Act: TypeAlias = Press | Type | See | Fill


@dataclass(frozen=True, slots=True)
class StepList:
    """One numbered list, below its heading."""

    heading: str
    steps: tuple[str, ...]

    def acts(self) -> Iterator[Act]:
        """Read what each step says to do, in order; raises `UnreadableStepError`."""
        for step in self.steps:
            yield from _read(step)


class Person(Protocol):
    """Carries out steps in one place."""

    def press(self, key: str) -> Awaitable[None]:
        """Press one key."""
        ...

    def see(self, words: str, *, in_row: bool) -> Awaitable[None]:
        """Wait until the words are shown, with `in_row` in the row under the cursor."""
        ...

    def value(self, name: str) -> str:
        """Return the value that a step only names."""
        ...


async def carry_out(steps: StepList, person: Person) -> None:
    """Carry out the steps."""
    for act in list(steps.acts()):
        match act:
            case Press(key):
                await person.press(key)
            case Type(text):
                for character in text:
                    await person.press(character)
            case See(words, in_row):
                await person.see(words, in_row=in_row)
            case Fill(value):
                for character in person.value(value):
                    await person.press(character)


def step_lists(markdown: str) -> list[StepList]:
    """Return the numbered lists of a page that start at 1; raise if a number is skipped."""
    lists: list[StepList] = []
    heading, steps = "", [""][:0]
    for line in [*markdown.splitlines(), ""]:
        item = _ITEM.fullmatch(line.strip())
        if item is not None and line[:1].isdigit():
            if int(item[1]) != len(steps) + 1:
                raise UnreadableStepError(f"Step {item[1]} follows step {len(steps)}: {line}")
            steps.append(item[2])
        elif steps and line.startswith(" "):
            steps[-1] = f"{steps[-1]} {line.strip()}"
        elif steps:
            lists.append(StepList(heading, tuple(steps)))
            steps = []
        title = _HEADING.fullmatch(line)
        heading = title[1] if title is not None else heading
    return lists


def _read(step: str) -> Iterator[Act]:
    verb, is_open, found = "", False, 0
    for part in _PART.finditer(step):
        if part["verb"]:
            if is_open:
                raise UnreadableStepError(f"“{verb}” what? {step}")
            verb, is_open = part["verb"].lower(), True
            continue
        is_open = False
        found += 1
        if part["label"]:
            yield See(part["label"], in_row=bool(part["row"]))
        elif part["value"]:
            yield Fill(part["value"])
        else:
            yield _act(verb, part["code"], step)
    if is_open or not found:
        raise UnreadableStepError(f"Nothing to do, or not said exactly: {step}")


def _act(verb: str, code: str, step: str) -> Act:
    if verb == "press":
        key = NAMED_KEYS.get(code, code)
        if len(code) != 1 and code not in NAMED_KEYS:
            raise UnreadableStepError(f"`{code}` isn't a key: {step}")
        return Press(key)
    if verb == "type":
        return Type(code)
    if not verb:
        return See(code)
    raise UnreadableStepError(f"Nobody can {verb} `{code}` here: {step}")
