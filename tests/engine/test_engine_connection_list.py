"""The list of organisations, when something else has written to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tui import messages
from tui.engine.account import ConnectionList, load_connections, save_connections
from tui.model.contact import Organisation
from tui.model.errors import StoreError
from tui.model.reasons import Notice, SignInReason

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "content",
    [
        pytest.param('{"organisations": ["a"], "gone": [], "last": ""}', id="no organisation"),
        pytest.param("[" * 100_000, id="brackets without end"),
        *("", "{", "[]", "{}"),
        '{"organisations": [{"tenant_id": 1}], "gone": [], "last": ""}',
        '{"organisations": [{"tenant_id": "a"}], "gone": [], "last": ""}',
    ],
)
def test_a_list_of_something_else_is_reported_once_and_moved_aside(tmp_path: Path, content: str) -> None:
    file = tmp_path / "organisations.json"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(StoreError) as raised:
        load_connections(file)
    aside = str(file.parent / "damaged-organisations.json")
    assert raised.value.notice == Notice(SignInReason.LIST_DAMAGED, {"file": aside})
    assert (file.parent / "damaged-organisations.json").read_text(encoding="utf-8") == content
    assert load_connections(file) == ConnectionList(())


def test_an_unreadable_list_is_reported_and_kept(tmp_path: Path) -> None:
    file = tmp_path / "organisations.json"
    file.mkdir()
    with pytest.raises(StoreError) as raised:
        load_connections(file)
    assert raised.value.reason is SignInReason.LIST_NOT_READ
    assert str(file) in messages.message(raised.value)
    assert file.is_dir()


@pytest.mark.parametrize("odd", ["", "../../elsewhere", "a b", "x" * 65, "a\0"])
def test_an_organisation_without_an_id_hides_no_other(tmp_path: Path, odd: str) -> None:
    file = tmp_path / "organisations.json"
    good = Organisation("one", "One", "!one")
    save_connections(file, ConnectionList((Organisation(odd, "Odd", "!odd"), good)))
    assert load_connections(file).organisations == (good,)
