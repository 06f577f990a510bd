"""The practice Re-Leased through Unified.to's API: read by its own SDK, and request by request."""

from __future__ import annotations

import http.client
import sqlite3
import urllib.parse
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from importlib import import_module
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from support.practice import PracticeXero, Reply, running_sandbox, until
from support.practice import http as send

from tui.sandbox import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTACTS = 300
# A seventh of them are in the second company, and each company has three that only Re-Leased has.
LISTED = CONTACTS + CONTACTS // 7 + 6
EVERYTHING = (
    "id", "created_at", "updated_at", "name", "first_name", "last_name", "emails", "currency", "is_active",
    "is_customer", "is_supplier", "identification", "organization_id", "raw",
)  # fmt: skip


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeXero]:
    options = ("--contacts", str(CONTACTS), "--cycle", "5000", "--sync-seconds", "0.1")
    with running_sandbox(tmp_path_factory.mktemp("unified"), *options) as one:
        yield one


@pytest.fixture(autouse=True)
def as_found(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "released" in request.fixturenames:
        released: PracticeXero = request.getfixturevalue("released")
        released.clear_faults()
        released.control("POST", "unified", {"ignored": []})


@pytest.fixture(scope="module")
def sdk_modules() -> Any:
    # Loaded by name: its 400,000 lines would be type-checked with ours.
    return import_module("unified_python_sdk"), import_module("unified_python_sdk.models")


@pytest.fixture
def sdk(released: PracticeXero, sdk_modules: Any) -> Iterator[Any]:
    package, models = sdk_modules
    unified = released.line["unified"]
    security = models.shared.Security(jwt=unified["api_key"])
    with package.UnifiedTo(security=security, server_url=unified["url"]) as client:
        yield client


def call(practice: PracticeXero, path: str, /, *, key: str | None = None, **params: Any) -> Reply:
    """Request a path below the connection; a list is sent as a repeated parameter."""
    unified = practice.line["unified"]
    url = f"{unified['url']}/accounting/{unified['connection_id']}/{path}"
    query = urllib.parse.urlencode(params, doseq=True)
    return send(
        "GET",
        f"{url}?{query}",
        headers={"Authorization": f"Bearer {unified['api_key'] if key is None else key}"},
    )


def contacts(practice: PracticeXero, **params: Any) -> list[dict[str, Any]]:
    reply = call(practice, "contact", **params)
    assert reply.status == 200, reply.body
    assert reply.headers["Content-Type"].startswith("application/json")
    found: list[dict[str, Any]] = reply.json()
    return found


def every(practice: PracticeXero, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while page := contacts(practice, offset=len(found), **params):
        found += page
    return found


def companies(practice: PracticeXero) -> list[str]:
    return [one["id"] for one in call(practice, "organization").json()]


def of_xero(practice: PracticeXero, contact_id: str) -> dict[str, Any] | None:
    found = [
        one for one in every(practice, fields=EVERYTHING) if one["raw"].get("xeroContactId") == contact_id
    ]
    return found[0] if found else None


def sync(practice: PracticeXero) -> None:
    def last() -> int:
        company = practice.feed()["company"]["lastSync"]
        return int(company["run"]) if company else 0

    before = last()
    assert practice.sync_released().status == 200
    until(lambda: last() > before)


@pytest.mark.slow
def test_sdk_reads_all_pages_as_typed_models(released: PracticeXero, sdk: Any) -> None:
    connection_id = released.line["unified"]["connection_id"]
    found: list[Any] = []
    while True:
        request = {
            "connection_id": connection_id,
            "limit": 100,
            "offset": len(found),
            "fields": list(EVERYTHING),
        }
        page = sdk.accounting.list_accounting_contacts(request=request).accounting_contacts
        found += page
        if len(page) < 100:
            break
    assert len(found) == LISTED
    assert all(one.created_at <= one.updated_at for one in found)
    assert all(one.updated_at.tzinfo for one in found)
    assert {type(one.raw) for one in found} == {dict}
    assert {one.is_active for one in found} == {True, False, None}
    assert {one.is_customer for one in found} == {True, False}
    assert all("@" in one.emails[0].email for one in found if one.emails)


@pytest.mark.slow
def test_the_sdk_reads_companies_one_by_one_and_the_integration(released: PracticeXero, sdk: Any) -> None:
    connection_id = released.line["unified"]["connection_id"]
    asked = {"connection_id": connection_id}
    listed = sdk.accounting.list_accounting_organizations(request=asked).accounting_organizations
    assert [one.name for one in listed] == [one.name for one in released.organisations]
    assert {(one.currency, one.timezone) for one in listed} == {("NZD", "Pacific/Auckland")}
    again = sdk.accounting.get_accounting_organization(request={**asked, "id": listed[1].id})
    assert again.accounting_organization == listed[1]
    [first] = contacts(released, limit=1)
    one = sdk.accounting.get_accounting_contact(request={**asked, "id": first["id"]}).accounting_contact
    assert (one.name, one.raw) == (first["name"], None)
    [integration] = sdk.integration.list_unified_integrations(request={"type": "released"}).integrations
    assert integration.support["accounting_contact"].list_updated_gte.value == "supported"
    assert sdk.integration.list_unified_integrations(request={"type": "xero"}).integrations == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "status"),
    [("unified-401", 401), ("unified-paused", 403), ("unified-404", 404), ("unified-429", 429), ("503", 503)],
)
def test_sdk_raises_on_refusals(
    released: PracticeXero, sdk: Any, sdk_modules: Any, kind: str, status: int
) -> None:
    released.fault(kind, path="/accounting/", count=1)
    asked = {"connection_id": released.line["unified"]["connection_id"]}
    with pytest.raises(sdk_modules[1].errors.SDKError) as refused:
        sdk.accounting.list_accounting_contacts(request=asked)
    assert refused.value.status_code == status
    assert sdk.accounting.list_accounting_contacts(request=asked).status_code == 200


@pytest.mark.slow
def test_the_sdk_does_not_accept_a_page_of_html(released: PracticeXero, sdk: Any, sdk_modules: Any) -> None:
    released.fault("html", path="/accounting/", count=1)
    with pytest.raises(sdk_modules[1].errors.SDKError):
        sdk.accounting.list_accounting_contacts(
            request={"connection_id": released.line["unified"]["connection_id"]}
        )


def test_the_sample_has_every_kind_of_contact(released: PracticeXero) -> None:
    found = every(released, fields=EVERYTHING)
    assert len(found) == LISTED
    by_status: dict[tuple[bool, bool], int] = defaultdict(int)
    for one in found:
        by_status["is_active" in one, "isArchived" in one["raw"]] += 1
    told_both, only_in_raw, nowhere = by_status[True, True], by_status[False, True], by_status[False, False]
    assert only_in_raw > 5
    assert nowhere > 5
    assert told_both == LISTED - only_in_raw - nowhere
    assert all(one["is_active"] is not one["raw"]["isArchived"] for one in found if "is_active" in one)
    with_id = sum("xeroContactId" in one["raw"] for one in found)
    assert LISTED / 2 < with_id < LISTED * 3 / 4
    deleted = [one for one in found if one["name"] == "Deleted Contact"]
    assert [one["is_active"] for one in deleted] == [False] * 4
    assert not any("xeroContactId" in one["raw"] for one in deleted)
    foreign = [one for one in found if one["currency"] != "NZD"]
    assert len(foreign) > 2
    assert not any("xeroContactId" in one["raw"] for one in foreign)


def test_one_contact_is_in_two_companies(released: PracticeXero) -> None:
    in_companies = defaultdict(list)
    for one in every(released, fields=EVERYTHING):
        in_companies[one["id"]].append(one)
    [(first, second)] = [found for found in in_companies.values() if len(found) > 1]
    assert [first["organization_id"], second["organization_id"]] == companies(released)
    assert first["name"] == second["name"]
    assert call(released, f"contact/{first['id']}").json()["organization_id"] == first["organization_id"]


def test_only_requested_fields_are_returned_and_raw_only_on_request(released: PracticeXero) -> None:
    [whole] = contacts(released, limit=1)
    assert set(whole) == set(EVERYTHING) - {"raw"}
    [raw] = contacts(released, limit=1, fields=["id", "raw"])
    assert set(raw) == {"id", "raw"}
    [by_comma] = contacts(released, limit=1, fields="id,name,raw.isArchived")
    assert set(by_comma) == {"id", "name"}
    assert set(call(released, f"contact/{whole['id']}", fields="name").json()) == {"name"}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("sort", ["name", "updated_at", "created_at"])
def test_sorted_pages_continue_after_the_last_one(released: PracticeXero, sort: str, order: str) -> None:
    found = every(released, sort=sort, order=order, limit=70)
    keys = [one[sort].casefold() if sort == "name" else one[sort] for one in found]
    assert keys == sorted(keys, reverse=order == "desc")
    assert len({(one["id"], one["organization_id"]) for one in found}) == LISTED


def test_changed_contacts_include_those_of_the_requested_time(released: PracticeXero) -> None:
    newest = contacts(released, sort="updated_at", order="desc", limit=50)
    moment = newest[-1]["updated_at"]
    told = every(released, updated_gte=moment)
    assert {one["updated_at"] for one in told} >= {one["updated_at"] for one in newest}
    assert all(one["updated_at"] >= moment for one in told)
    later = (datetime.fromisoformat(newest[0]["updated_at"]) + timedelta(milliseconds=1)).isoformat()
    assert contacts(released, updated_gte=later) == []
    in_another_zone = datetime.fromisoformat(moment) + timedelta(hours=13)
    spelled = in_another_zone.replace(tzinfo=None).isoformat() + "+13:00"
    assert len(every(released, updated_gte=spelled)) == len(told)


def test_pages_end_without_a_total(released: PracticeXero) -> None:
    assert len(contacts(released)) == len(contacts(released, limit=1000)) == 100
    assert len(contacts(released, offset=LISTED - 7)) == 7
    assert contacts(released, offset=LISTED) == contacts(released, offset=10**9) == []
    reply = call(released, "contact")
    assert not [name for name in reply.headers if "total" in name.lower()]


def test_filters_limit_the_listed_contacts(released: PracticeXero) -> None:
    first, second = companies(released)
    of_second = every(released, org_id=second)
    assert len(every(released, org_id=first)) + len(of_second) == LISTED
    assert {one["organization_id"] for one in of_second} == {second}
    assert contacts(released, org_id="unknown") == []
    assert {one["is_supplier"] for one in every(released, type="SUPPLIER")} == {True}
    assert {one["is_customer"] for one in every(released, type="CUSTOMER")} == {True}
    someone = next(one for one in contacts(released) if one["emails"])
    email = someone["emails"][0]["email"]
    assert someone in contacts(released, query=email.upper())
    assert someone in contacts(released, query=someone["name"][1:].upper())
    assert contacts(released, query="100%_nobody") == []


@pytest.mark.parametrize(
    "params",
    [
        {"limit": "0"},
        {"offset": "-1"},
        {"updated_gte": "yesterday"},
        {"limit": "ten"},
        {"offset": "1.5"},
        {"offset": "9" * 30},
        {"sort": "email"},
        {"order": "up"},
        {"type": "TENANT"},
    ],
    ids=str,
)
def test_invalid_parameters_are_refused(released: PracticeXero, params: dict[str, str]) -> None:
    reply = call(released, "contact", **params)
    assert (reply.status, reply.json()["statusCode"]) == (400, 400)
    assert next(iter(params)) in reply.json()["message"]


def test_a_wrong_key_connection_or_id_is_refused(released: PracticeXero) -> None:
    unified = released.line["unified"]
    assert call(released, "contact", key="wrong").status == 401
    assert call(released, "contact", key="").status == 401
    assert call(released, "organization", key=f"x {unified['api_key']}").status == 401
    assert send("GET", f"{unified['url']}/unified/integration").status == 401
    other = f"{unified['url']}/accounting/{'0' * 24}/contact"
    as_the_sdk = {"Authorization": unified["api_key"]}
    assert send("GET", other, headers=as_the_sdk).status == 404
    for path in ("contact/nobody", "contact/9", "contact/99999999999", "organization/1", "invoice"):
        assert call(released, path).status == 404, path


@pytest.mark.parametrize(
    ("kind", "status", "words"),
    [
        ("unified-429", 429, "Too many requests to Unified.to"),
        ("unified-paused", 403, "paused"),
        ("unified-401", 401, "Unauthorized"),
        ("unified-unhealthy", 401, "Re-Leased"),
        ("unified-403", 403, "permission"),
        ("unified-404", 404, "not found"),
        ("unified-429-vendor", 429, "Re-Leased"),
        ("unified-500", 500, "Error"),
    ],
)
def test_simulated_refusals_have_their_status(
    released: PracticeXero, kind: str, status: int, words: str
) -> None:
    released.fault(kind, count=1, retryAfter=7)
    reply = call(released, "contact")
    assert (reply.status, reply.json()["statusCode"]) == (status, status)
    assert words in reply.json()["message"]
    assert reply.headers["Retry-After"] == ("7" if status == 429 else None)
    assert call(released, "contact").status == 200


def test_a_key_can_be_revoked_between_two_pages(released: PracticeXero) -> None:
    assert len(contacts(released)) == 100
    released.fault("unified-401")
    assert [call(released, "contact", offset=offset).status for offset in (100, 0)] == [401, 401]


def test_responses_can_be_cut_slow_or_html(released: PracticeXero) -> None:
    released.fault("cut", path="/accounting/", count=1)
    with pytest.raises(http.client.IncompleteRead):
        call(released, "contact")
    released.fault("html", path="/accounting/", count=1)
    assert call(released, "contact").body.startswith(b"<!DOCTYPE html>")
    released.fault("slow", path="/accounting/", count=1, seconds=0.05)
    assert len(contacts(released)) == 100
    assert [one["fault"] for one in released.requests() if one["fault"]][-3:] == ["cut", "html", "slow"]


def test_options_that_the_integration_does_not_support_are_ignored(released: PracticeXero) -> None:
    first = contacts(released)
    released.control("POST", "unified", {"ignored": ["offset", "updated_gte", "fields"]})
    # A client that pages by offset gets the first page again and again.
    assert contacts(released, offset=100) == first
    assert contacts(released, updated_gte="2099-01-01T00:00:00Z", fields="id") == first
    unified = released.line["unified"]
    url = f"{unified['url']}/unified/integration?type=released"
    support = send("GET", url, headers={"Authorization": unified["api_key"]}).json()[0]["support"]
    of_contacts = support["accounting_contact"]
    assert (of_contacts["list_offset"], of_contacts["list_limit"]) == ("not-supported", "supported")
    refused = send("POST", f"{released.api}/practice/unified", json_body={"ignored": ["page"]})
    assert refused.status == 400


@pytest.mark.slow
def test_contacts_lag_behind_xero_until_the_next_sync(released: PracticeXero) -> None:
    contact_id = released.create("Lags behind", EmailAddress="lags@mail.example")
    assert of_xero(released, contact_id) is None
    sync(released)
    before = of_xero(released, contact_id)
    assert before is not None
    assert (before["is_active"], before["emails"][0]["email"]) == (True, "lags@mail.example")
    released.somebody("rename", contact_id, Name="Keeps up")
    released.somebody("archive", contact_id)
    assert of_xero(released, contact_id) == before
    asked = datetime.now(UTC).isoformat()
    assert contacts(released, updated_gte=asked) == []
    sync(released)
    [after] = contacts(released, updated_gte=asked, fields=EVERYTHING)
    assert (after["id"], after["created_at"]) == (before["id"], before["created_at"])
    assert (after["name"], after["is_active"], after["raw"]["isArchived"]) == ("Keeps up", False, True)


@pytest.mark.slow
def test_a_rename_is_synced_but_not_listed_by_the_feed(released: PracticeXero) -> None:
    contact_id = released.create("Before")
    sync(released)
    released.somebody("rename", contact_id, Name="After")
    sync(released)
    after = of_xero(released, contact_id)
    assert after is not None
    assert after["name"] == "After"
    feed = [one["state"] for one in released.feed()["items"] if one["contactId"] == contact_id]
    assert feed == ["ACTIVE"]


@pytest.mark.slow
def test_unlinked_contacts_stay_as_they_were(released: PracticeXero) -> None:
    contact_id = released.create("Unlinked here")
    sync(released)
    base = f"{released.released}/companies/{released.tenant_id}/contacts/{contact_id}"
    assert send("POST", f"{base}/unlink", json_body={}).status == 200
    before = of_xero(released, contact_id)
    released.somebody("archive", contact_id)
    released.somebody("rename", released.create("A change that is synced"), Name="Synced")
    sync(released)
    assert of_xero(released, contact_id) == before
    assert send("POST", f"{base}/link", json_body={}).status == 200
    sync(released)
    after = of_xero(released, contact_id)
    assert after is not None
    assert after["is_active"] is False


@pytest.mark.slow
def test_a_contact_deleted_in_xero_stays_and_is_not_mixed_up_with_the_next(released: PracticeXero) -> None:
    contact_id = released.create("Deleted in Xero")
    sync(released)
    before = of_xero(released, contact_id)
    released.somebody("vanish", contact_id)
    next_id = released.create("In its row")
    sync(released)
    assert of_xero(released, contact_id) == before
    after = of_xero(released, next_id)
    assert after is not None
    assert after["name"] == "In its row"


@pytest.mark.slow
def test_an_edit_during_a_sync_waits_for_the_next(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "--contacts", "20", "--cycle", "900") as slow:
        contact_id, vanishing = slow.create("At the start"), slow.create("Vanishes meanwhile")
        assert slow.sync_released().status == 200
        slow.somebody("rename", contact_id, Name="During")
        slow.somebody("vanish", vanishing)
        in_its_row = slow.create("In its row")
        until(lambda: slow.feed()["company"]["state"] == "Successfully synced")
        first = of_xero(slow, contact_id)
        assert first is not None
        assert first["name"] == "At the start"
        sync(slow)
        second = of_xero(slow, contact_id)
        assert second is not None
        assert second["name"] == "During"
        assert of_xero(slow, vanishing) is None
        assert of_xero(slow, in_its_row) is not None


@pytest.mark.slow
def test_a_restart_keeps_key_and_contacts(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "--contacts", "40", "--cycle", "900") as practice:
        unified, before = practice.line["unified"], every(practice, fields=EVERYTHING)
        practice.restart_same_port()
        assert practice.line["unified"] == unified
        assert every(practice, fields=EVERYTHING) == before
        practice.restart_same_port("--fresh")
        assert practice.line["unified"]["api_key"] != unified["api_key"]
        assert every(practice, fields=EVERYTHING) == before


def test_data_of_an_earlier_version_is_refused_with_a_message(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "practice.sqlite")
    connection.execute("CREATE TABLE contacts (id INTEGER)")
    connection.close()
    with pytest.raises(server.CannotStartError, match="--fresh"):
        server.run(server.ServerOptions(data=tmp_path))


def test_ties_are_broken_the_same_way_on_every_page(released: PracticeXero) -> None:
    found = every(released, sort="name", limit=3, query="Deleted Contact")
    assert len(found) == 4
    assert all(int(one["id"]) < int(other["id"]) for one, other in pairwise(found))
