"""The practice Re-Leased: its schedule, what a sync picks up, and the feed."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from support.practice import PracticeXero, http, running_sandbox, until
from support.xero_calls import XeroCalls

from tui.sandbox.context import iso

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeXero]:
    """Never syncs on schedule within a test; a requested sync is soon over."""
    options = ("--contacts", "120", "--cycle", "900", "--sync-seconds", "0.1")
    with running_sandbox(tmp_path_factory.mktemp("released"), *options) as one:
        yield one


def _synced(released: PracticeXero) -> int:
    """Run one whole sync, and return its number."""
    before = _last_run(released)
    assert released.sync_released().status == 200
    return until(lambda: run if (run := _last_run(released)) > before else 0)


def _last_run(released: PracticeXero) -> int:
    last = released.feed()["company"]["lastSync"]
    return int(last["run"]) if last else 0


def _items(released: PracticeXero, contact_id: str) -> list[dict[str, Any]]:
    return [one for one in released.feed()["items"] if one["contactId"] == contact_id]


def _cursor(released: PracticeXero) -> str:
    return str(released.feed()["cursor"])


def test_re_leased_starts_in_sync(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "--contacts", "120", "--cycle", "1") as quick:
        company = until(lambda: c if (c := quick.feed()["company"])["lastSync"] else None)
        assert company["lastSync"]["outcome"] == company["state"] == "Successfully synced"
        assert quick.feed()["items"] == []


def test_nightly_sync_runs_on_schedule(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "--contacts", "20", "--cycle", "1") as quick:
        contact_id = quick.create("Picked up at night")
        item = until(lambda: _items(quick, contact_id))[0]
        company = quick.feed()["company"]
        assert item["state"] == "ACTIVE"
        assert item["tenantId"] == company["tenantId"] == quick.tenant_id
        assert item["pickedUpAt"] > item["syncStartedAt"]
        assert company["cycleSeconds"] == 1.0
        gap = datetime.fromisoformat(company["nextSyncAt"]) - datetime.fromisoformat(item["syncStartedAt"])
        assert timedelta(0) < gap


def test_a_sync_picks_up_archives_and_restores(released: PracticeXero) -> None:
    contact_id = released.create("There and back")
    first = _synced(released)
    released.somebody("archive", contact_id)
    second = _synced(released)
    released.somebody("restore", contact_id)
    third = _synced(released)
    assert [(one["state"], one["syncRun"]) for one in _items(released, contact_id)] == [
        ("ACTIVE", first),
        ("ARCHIVED", second),
        ("ACTIVE", third),
    ]


def test_change_reversed_before_the_sync_is_not_picked_up(released: PracticeXero) -> None:
    contact_id = released.create("Turned back")
    _synced(released)
    released.somebody("archive", contact_id)
    released.somebody("restore", contact_id)
    _synced(released)
    assert len(_items(released, contact_id)) == 1


def test_a_change_made_during_a_sync_waits_for_the_next(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "--contacts", "20", "--cycle", "900") as slow:
        early, late = slow.create("Before the sync"), slow.create("During the sync")
        assert slow.sync_released().json()["company"]["state"] == "In progress"
        slow.somebody("archive", early)
        slow.somebody("archive", late)
        assert slow.sync_released().status == 409
        assert slow.feed()["company"]["state"] == "In progress"
        until(lambda: slow.feed()["company"]["state"] == "Successfully synced")
        assert [one["state"] for one in slow.feed()["items"]] == ["ACTIVE", "ACTIVE"]
        _synced(slow)
        assert [one["state"] for one in slow.feed()["items"][2:]] == ["ARCHIVED", "ARCHIVED"]


@pytest.mark.parametrize("deed", ["merge", "gdpr"])
def test_merged_and_gdpr_contacts_look_archived(released: PracticeXero, deed: str) -> None:
    contact_id, into = released.create(f"Gone {deed}"), released.create(f"Kept {deed}")
    _synced(released)
    released.somebody(deed, contact_id, into=into)
    _synced(released)
    assert _items(released, contact_id)[-1]["state"] == "ARCHIVED"


def test_a_company_that_needs_reconnecting_does_not_sync(released: PracticeXero) -> None:
    contact_id = released.create("Not connected")
    before = _last_run(released)
    released.set_released_state("Needs reconnecting")
    reply = released.sync_released()
    assert (reply.status, "Needs reconnecting" in reply.json()["error"]) == (409, True)
    assert (_last_run(released), released.feed()["company"]["state"]) == (before, "Needs reconnecting")
    released.set_released_state("Successfully synced")
    _synced(released)
    assert len(_items(released, contact_id)) == 1


def test_sync_with_errors_picks_up_nothing_and_is_reported(released: PracticeXero) -> None:
    contact_id = released.create("In a failing sync")
    released.set_released_state("Sync has errors")
    _synced(released)
    company = released.feed()["company"]
    assert (company["state"], company["lastSync"]["outcome"]) == ("Sync has errors", "Sync has errors")
    assert _items(released, contact_id) == []
    released.set_released_state("Successfully synced")
    _synced(released)
    assert len(_items(released, contact_id)) == 1


def test_unlinked_contacts_are_left_out_until_linked_again(released: PracticeXero) -> None:
    contact_id = released.create("Unlinked")
    base = f"{released.released}/companies/{released.tenant_id}/contacts/{contact_id}"
    assert http("POST", f"{base}/unlink", json_body={}).status == 200
    _synced(released)
    assert _items(released, contact_id) == []
    assert http("POST", f"{base}/link", form={}).status == 200
    _synced(released)
    assert len(_items(released, contact_id)) == 1


def test_feed_continues_from_a_cursor_in_pages_of_500(released: PracticeXero) -> None:
    start = _cursor(released)
    while released.feed(start)["items"]:
        start = released.feed(start)["cursor"]
    ids = [released.create(f"In a long feed {number}") for number in range(510)]
    _synced(released)
    first = released.feed(start)
    second = released.feed(first["cursor"])
    assert (len(first["items"]), len(second["items"])) == (500, 10)
    assert [one["contactId"] for one in first["items"] + second["items"]] == ids
    assert released.feed(second["cursor"])["items"] == []
    assert released.feed(second["cursor"])["cursor"] == second["cursor"]


def test_companies_are_separate(released: PracticeXero) -> None:
    other = released.organisations[1].tenant_id
    contact_id = released.create("In the other company", other)
    _synced(released)
    assert _items(released, contact_id) == []
    assert released.feed(tenant_id=other)["company"]["lastSync"] is None


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "companies/nobody/feed", None, 404),
        ("POST", "companies/nobody/sync", {}, 404),
        ("POST", "companies/nobody/state", {}, 404),
        ("GET", "companies/{tenant}/feed?after=x", None, 400),
        ("GET", "companies/{tenant}/feed?after=99999999999999999999", None, 400),
        ("POST", "companies/{tenant}/state", {"state": "On holiday"}, 400),
        ("POST", "companies/{tenant}/contacts/nobody/unlink", {}, 404),
    ],
)
def test_invalid_requests_are_refused(
    released: PracticeXero, method: str, path: str, body: Any, status: int
) -> None:
    url = f"{released.released}/{path.replace('{tenant}', released.tenant_id)}"
    reply = http(method, url, json_body=body)
    assert (reply.status, bool(reply.json()["error"])) == (status, True)


def test_the_overview_can_be_used_by_hand(released: PracticeXero) -> None:
    released.create("<i>Shown</i> on the overview")
    text = http("GET", f"{released.released}/").body.decode()
    assert "&lt;i&gt;Shown&lt;/i&gt;" in text
    assert text.count("Start sync") == 2
    form = {"state": "Incomplete pipeline"}
    html = {"Accept": "text/html"}
    url = f"{released.released}/companies/{released.tenant_id}/state"
    reply = http("POST", url, form=form, headers=html)
    assert (reply.status, reply.headers["Location"]) == (303, "/released/")
    assert released.feed()["company"]["state"] == "Incomplete pipeline"
    released.set_released_state("Successfully synced")


def test_schedule_and_synced_state_survive_a_restart(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "--contacts", "20", "--cycle", "900") as practice:
        contact_id = practice.create("Waits through a restart")
        due = practice.feed()["company"]["nextSyncAt"]
        practice.kill()
        practice.restart_same_port()
        assert practice.feed()["company"]["nextSyncAt"] == due
        assert _items(practice, contact_id) == []
        practice.restart_same_port("--cycle", "1")
        assert until(lambda: _items(practice, contact_id))


def test_sync_missed_while_stopped_is_caught_up(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "--contacts", "20", "--cycle", "0.5") as practice:
        xero = XeroCalls.sign_in(practice)
        xero.archive(practice.create("Missed"))
        practice.kill()
        before = _on_disk(tmp_path, "runs")
        due = datetime.fromisoformat(iso(_on_disk(tmp_path, "next_sync")))
        until(lambda: datetime.now(due.tzinfo) > due)
        practice.restart_same_port("--cycle", "900")
        until(lambda: _last_run(practice) > before)


def _on_disk(folder: Path, column: str) -> int:
    connection = sqlite3.connect(folder / "data" / "sandbox" / "practice.sqlite")
    [(value,)] = connection.execute(f"SELECT {column} FROM companies WHERE org = 1").fetchall()  # noqa: S608 - our own column
    connection.close()
    return int(value)
