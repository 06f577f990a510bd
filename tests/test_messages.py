"""Every reason has sentences, and is raised with their parameters."""

from __future__ import annotations

import ast
import re
import string
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tui import messages
from tui.actions import spec
from tui.messages.texts import Text, fill_in
from tui.model import reasons
from tui.model.reasons import Notice, Param, Reason

SOURCE = Path(reasons.__file__).parent.parent
KEY = re.compile(r"\b(press|type) `?[a-zA-Z?/]`?\b(?!\w)", re.IGNORECASE)
REASONS = [member for kind in Reason.__subclasses__() for member in kind]


class Sample(dict[str, Param]):
    """Parameters that fit any sentence."""

    def __missing__(self, name: str) -> Param:
        return 2 if name in {"count", "number", "total"} else name


def names_in(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def raised_with() -> dict[str, list[tuple[str, set[str]]]]:
    """Return where each reason is used with which parameters, for the calls that name them."""
    found: dict[str, list[tuple[str, set[str]]]] = {}
    for file in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            code = node.args[0]
            if isinstance(code, ast.Attribute) and isinstance(code.value, ast.Name):
                kind = getattr(reasons, code.value.id, None)
                if isinstance(kind, type) and issubclass(kind, Reason):
                    place = f"{file.name}:{node.lineno}"
                    given = {keyword.arg or "**" for keyword in node.keywords}
                    # A notice has them in a dictionary, which may be made elsewhere.
                    for params in node.args[1:]:
                        keys = params.keys if isinstance(params, ast.Dict) else [None]
                        given |= {str(key.value) if isinstance(key, ast.Constant) else "**" for key in keys}
                    found.setdefault(kind[code.attr], []).append((place, given))
    return found


def test_every_reason_has_sentences() -> None:
    for reason in REASONS:
        text = messages._TEXTS[reason]
        if isinstance(text, Text):
            for sentence in (text.message, text.next_step):
                assert sentence == sentence.strip(), reason
                assert not KEY.search(sentence), reason
            if text.action:
                assert spec(text.action).label


def test_every_reason_is_used() -> None:
    sources = [file for file in SOURCE.rglob("*.py") if file.name != "reasons.py"]
    text = "\n".join(file.read_text(encoding="utf-8") for file in sources if file.parent.name != "messages")
    used = set(re.findall(r"\b(\w+Reason|FileNote)\.([A-Z0-9_]+)\b", text))
    unused = [str(reason) for reason in REASONS if (type(reason).__name__, reason.name) not in used]
    assert unused == []


def test_codes_are_unique() -> None:
    values = [str(reason) for reason in REASONS]
    assert len(values) == len(set(values))


def test_reasons_have_the_parameters_that_their_sentences_use() -> None:
    wrong = []
    for code, calls in raised_with().items():
        text = messages._TEXTS[code]  # type: ignore[index]
        if isinstance(text, Text):
            needed = names_in(text.message) | names_in(text.next_step)
            wrong += [
                f"{place}: {code} needs {needed - given}"
                for place, given in calls
                if "**" not in given and not needed <= given
            ]
    assert wrong == []


@pytest.mark.parametrize(
    ("sentence", "params", "written"),
    [
        ("{n:contact}", {"n": 1}, "1 contact"),
        ("{n:entry/entries}", {"n": 1402}, "1,402 entries"),
        ("{n:,}", {"n": 1402}, "1,402"),
        ("{name}", {"name": "{n} [b]"}, "{n} [b]"),
        ("in {length}", {"length": timedelta(minutes=5)}, "in 5 minutes"),
    ],
)
def test_parameters_are_formatted_like_everywhere_else(
    sentence: str, params: dict[str, Any], written: str
) -> None:
    assert fill_in(sentence, params) == written


def test_moments_are_shown_in_local_time() -> None:
    moment = datetime(2026, 11, 9, 12, 5, tzinfo=UTC)
    assert fill_in("{at}", {"at": moment}) == f"9 Nov 2026 {moment.astimezone():%H:%M}"


def test_a_notice_without_its_parameters_can_be_shown() -> None:
    for reason in REASONS:
        assert messages.in_full(Notice(reason)), reason
        assert "{" not in messages.in_full(Notice(reason)), reason


def test_a_notice_is_logged_as_its_code() -> None:
    notice = Notice(reasons.GeneralReason.UNEXPECTED_ERROR, {"kind": "KeyError"})
    assert str(notice) == "general.unexpected_error (kind=KeyError)"
    assert messages.in_full(notice).startswith("Unexpected error in Reshelve (KeyError).")
