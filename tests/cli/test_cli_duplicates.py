"""Probable duplicates on the command line, by saved data and across organisations."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from support.command_line import CommandLine, signed_in

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

NAMES = ("Featherstone Plumbing Ltd", "Featherstone Plumbing Limited")


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with signed_in(tmp_path_factory.mktemp("duplicates"), "--contacts", "40") as shell:
        for name in NAMES:
            shell.practice.create(name)
        for place in range(len(shell.practice.organisations)):
            shell.load(place)
        yield shell


def ours(shell: CommandLine) -> tuple[str, str]:
    return ("--organisation", shell.name)


def pairs(shell: CommandLine, *arguments: str) -> list[dict[str, Any]]:
    done = shell.run("duplicates", *arguments, "--jsonl")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def seeded(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [pair for pair in found if {pair["name"], pair["other_name"]} == {*NAMES}]


@pytest.mark.parametrize("arguments", [(), ("--offline",)], ids=["asking Xero", "offline"])
def test_a_pair_is_listed_with_its_reason(shell: CommandLine, arguments: tuple[str, ...]) -> None:
    [pair] = seeded(pairs(shell, *ours(shell), *arguments))
    assert int(pair["score"]) >= 90
    assert pair["reasons"] == "same_name"
    assert pair["organisation"] == pair["other_organisation"] == shell.name
    ids = {contact_id for (contact_id,) in shell.rows("SELECT contact_id FROM contacts")}
    assert {pair["contact_id"], pair["other_contact_id"]} <= ids


def test_organisations_are_compared_with_each_other(shell: CommandLine) -> None:
    found = pairs(shell, "--all-organisations", "--offline")
    scores = [int(pair["score"]) for pair in found]
    assert scores == sorted(scores, reverse=True)
    assert seeded(found)
    names = {one.name for one in shell.practice.organisations}
    assert {pair["organisation"] for pair in found} | {pair["other_organisation"] for pair in found} <= names


def test_a_dismissed_pair_is_left_out(shell: CommandLine) -> None:
    [pair] = seeded(pairs(shell, *ours(shell), "--offline"))

    async def dismiss(*, on: bool) -> None:
        async with shell.app() as engine:
            await engine.duplicates.dismiss([(pair["contact_id"], pair["other_contact_id"])], on=on)

    asyncio.run(dismiss(on=True))
    assert not seeded(pairs(shell, *ours(shell), "--offline"))
    asyncio.run(dismiss(on=False))
    assert seeded(pairs(shell, *ours(shell), "--offline"))


def test_in_a_terminal_reasons_are_words(shell: CommandLine) -> None:
    with shell.in_terminal("duplicates", *ours(shell), "--offline") as terminal:
        assert terminal.wait() == 0
        assert "In common" in terminal.screen.text
        assert "same name" in terminal.screen.text


def test_two_choices_of_organisations_are_refused(shell: CommandLine) -> None:
    done = shell.run("duplicates", *ours(shell), "--all-organisations")
    assert (done.returncode, done.stdout) == (2, "")
