"""The list of organisations, when something else has written to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tui.engine.sign_ins.organisations import Known, read_known

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "content",
    [
        pytest.param('{"organisations": ["a"], "gone": [], "last": ""}', id="no organisation"),
        pytest.param("[" * 100_000, id="brackets without end"),
    ],
)
def test_a_list_of_something_else_is_no_list(tmp_path: Path, content: str) -> None:
    file = tmp_path / "organisations.json"
    file.write_text(content, encoding="utf-8")
    assert read_known(file) == Known()
