"""An organisation that was forgotten and disconnected comes back with its change log, on a real sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from click.testing import CliRunner
from support.house import open_house
from support.practice import NO_DAILY_LIMIT, running_sandbox

from tui.cli import main
from tui.engine.maintenance import saved_organisations
from tui.model.change import State
from tui.store.maintenance.health import read_health
from tui.system.paths import Paths

if TYPE_CHECKING:
    from pathlib import Path


async def test_the_kept_change_log_continues_after_connecting_again(tmp_path: Path) -> None:
    options = ("--contacts", "40", "--cycle", "3600", *NO_DAILY_LIMIT)
    with running_sandbox(tmp_path / "sandbox", *options) as practice:
        ids = [practice.create(name) for name in ("Numbat First", "Zealandia Second")]
        home = tmp_path / "home"
        async with open_house(practice, home) as house:
            await house.archive("Numbat First")
            before = house.engine._store.changes.in_states(*State)
        forget_and_disconnect(home)
        async with open_house(practice, home) as house:
            assert house.engine._store.changes.in_states(*State) == before
            [row] = await house.find("numbat")
            assert row.last_change is not None
            assert row.last_change.change == before[0]
            await house.archive("Zealandia Second")
            after = house.engine._store.changes.in_states(*State)
            assert [change.contact_id for change in after] == ids


def forget_and_disconnect(home: Path) -> None:
    paths = Paths.under(home)
    arguments = ["forget", "--organisation", "harbour", "--yes"]
    done = CliRunner().invoke(main, arguments, env={"RESHELVE_HOME": str(home)})
    assert done.exit_code == 0, done.output
    [tenant_id] = saved_organisations(paths)
    health = read_health(paths.organisation(tenant_id))
    assert health is not None
    assert (health.contacts, health.changes) == (0, 1)
    paths.organisations_file.unlink()
