"""Xero's own SDK, written by others, as a client of the sandbox."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from support.xero_calls import XeroCalls

from tui.sandbox.oauth.tokens import CUSTOM_CLIENT_ID, CUSTOM_CLIENT_SECRET

# The SDK and what it is built on (python-dateutil) use calls that Python has announced to drop.
with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    accounting: Any = import_module("xero_python.accounting")
    api_client: Any = import_module("xero_python.api_client")
    configuration: Any = import_module("xero_python.api_client.configuration")
    oauth2: Any = import_module("xero_python.api_client.oauth2")
    exceptions: Any = import_module("xero_python.exceptions")
    identity: Any = import_module("xero_python.identity")

if TYPE_CHECKING:
    from support.practice import PracticeXero

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:xero_python.*")

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def client(practice: PracticeXero) -> Any:
    token = {
        "access_token": practice.access_token(),
        "refresh_token": practice.refresh_token,
        "expires_in": 1800,
        "token_type": "Bearer",
        "scope": ["offline_access", "accounting.contacts", "accounting.settings.read"],
    }
    settings = configuration.Configuration(
        oauth2_token=oauth2.OAuth2Token(client_id=practice.client_id, client_secret="none"),
    )
    made = api_client.ApiClient(settings, pool_threads=1)
    made.oauth2_token_getter(lambda: token)
    made.oauth2_token_saver(lambda _new: None)
    return made


@pytest.fixture
def books(client: Any, practice: PracticeXero) -> Any:
    api = accounting.AccountingApi(client)
    api.base_url = f"{practice.api}/api.xro/2.0"
    return api


def _contact(contact_id: str, **fields: Any) -> Any:
    return accounting.Contacts(contacts=[accounting.Contact(contact_id=contact_id, **fields)])


def test_all_pages_with_archived_contacts_are_read(books: Any, practice: PracticeXero) -> None:
    seen: list[Any] = []
    while True:
        page = books.get_contacts(
            practice.tenant_id,
            page=len(seen) // 100 + 1,
            page_size=100,
            include_archived=True,
            order="ContactID",
        )
        seen.extend(page.contacts)
        if len(page.contacts) < 100:
            break
    assert len(seen) == page.pagination.item_count
    assert {one.contact_status for one in seen} == {"ACTIVE", "ARCHIVED", "GDPRREQUEST"}
    assert all(one.updated_date_utc.tzinfo for one in seen)


def test_contact_is_read_by_id_by_filter_and_by_search_term(books: Any, practice: PracticeXero) -> None:
    contact_id = practice.create("Read by the SDK")
    [one] = books.get_contact(practice.tenant_id, contact_id).contacts
    assert (one.name, one.contact_status) == ("Read by the SDK", "ACTIVE")
    for query in (
        {"i_ds": [contact_id]},
        {"where": 'Name=="Read by the SDK"'},
        {"search_term": "read by the sdk", "page": 1},
    ):
        found = books.get_contacts(practice.tenant_id, **query).contacts
        assert [one.contact_id for one in found] == [contact_id]


def test_archiving_twice_succeeds(books: Any, practice: PracticeXero) -> None:
    contact_id = practice.create("Archived by the SDK")
    wish = _contact(contact_id, contact_status="ARCHIVED")
    [first] = books.update_or_create_contacts(practice.tenant_id, wish, summarize_errors=False).contacts
    [second] = books.update_or_create_contacts(practice.tenant_id, wish, summarize_errors=False).contacts
    assert (first.contact_status, first.has_validation_errors) == ("ARCHIVED", False)
    assert (second.status_attribute_string, second.has_validation_errors) == ("ERROR", True)
    assert "cannot currently be edited" in second.validation_errors[0].message
    with pytest.raises(exceptions.AccountingBadRequestException) as refused:
        books.update_or_create_contacts(practice.tenant_id, wish, summarize_errors=True)
    assert refused.value.reason
    assert refused.value.status == 400


def test_an_unknown_id_is_a_404(books: Any, practice: PracticeXero) -> None:
    with pytest.raises(exceptions.HTTPStatusException) as refused:
        books.get_contact(practice.tenant_id, UNKNOWN)
    assert refused.value.status == 404


def test_history_is_read_and_written(books: Any, practice: PracticeXero) -> None:
    contact_id = practice.create("History by the SDK")
    note = accounting.HistoryRecords(history_records=[accounting.HistoryRecord(details="From the SDK")])
    books.create_contact_history(practice.tenant_id, contact_id, note)
    records = books.get_contact_history(practice.tenant_id, contact_id).history_records
    assert (records[0].changes, records[0].details) == ("Note", "From the SDK")
    assert records[-1].changes == "Created"


def test_groups_and_organisation_are_read(books: Any, practice: PracticeXero) -> None:
    groups = books.get_contact_groups(practice.tenant_id).contact_groups
    assert {"Tenants", "Owners", "Trades", "Utilities"} <= {one.name for one in groups}
    tenants = next(one for one in groups if one.name == "Tenants")
    [group] = books.get_contact_group(practice.tenant_id, tenants.contact_group_id).contact_groups
    assert len(group.contacts) > 10
    [organisation] = books.get_organisations(practice.tenant_id).organisations
    assert organisation.short_code == practice.organisations[0].short_code


def test_connections_are_read(client: Any, practice: PracticeXero) -> None:
    api = identity.IdentityApi(client)
    api.base_url = practice.api
    found = api.get_connections()
    assert [one.tenant_id for one in found] == [one.tenant_id for one in practice.organisations]
    assert all(one.created_date_utc for one in found)


def test_token_is_refreshed(client: Any, practice: PracticeXero, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(oauth2.TokenApi, "refresh_token_url", f"{practice.identity}/connect/token")
    tokens = oauth2.TokenApi(client, practice.client_id, "none")
    new = tokens.refresh_token(practice.refresh_token, ["offline_access"])
    assert new["refresh_token"] != practice.refresh_token
    assert XeroCalls(practice, new["access_token"], practice.tenant_id).contacts(page=1)


def test_custom_connection_is_read(
    client: Any, practice: PracticeXero, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth2.TokenApi, "client_credentials_token_url", f"{practice.identity}/connect/token")
    tokens = oauth2.TokenApi(client, CUSTOM_CLIENT_ID, CUSTOM_CLIENT_SECRET)
    new = tokens.get_client_credentials_token(app_store_billing=False)
    assert XeroCalls(practice, new["access_token"], "").contacts(page=1)


def test_filters_and_orders_are_applied(books: Any, practice: PracticeXero) -> None:
    made = [
        practice.create(f"SDK filter {n}", FirstName=first, AccountNumber=account)
        for n, (first, account) in enumerate((("B", "SF-1"), ("A", "SF-2"), ("A", "")))
    ]
    for where, order, positions in (
        ('Name.ToLower().StartsWith("sdk filter")', "FirstName, Name DESC", (2, 1, 0)),
        ('(Name=="SDK filter 0" OR Name=="SDK filter 2") AND FirstName=="A"', "Name", (2,)),
        ('AccountNumber!=null && AccountNumber.contains("SF-")', "AccountNumber DESC", (1, 0)),
        (f'ContactID==Guid("{made[1].replace("-", "").upper()}")', "Name ASC", (1,)),
        ('Name.StartsWith("SDK filter") && UpdatedDateUTC>=DateTime(2020,1,1)', "Name DESC", (2, 1, 0)),
    ):
        found = books.get_contacts(practice.tenant_id, where=where, order=order, page=1).contacts
        assert [one.contact_id for one in found] == [made[n] for n in positions]


@pytest.mark.parametrize(
    ("where", "status", "error"),
    [
        ('Name=="a" OR', 400, exceptions.AccountingBadRequestException),
        ('AccountNumber.Contains("x")', 500, exceptions.HTTPStatusException),
    ],
)
def test_failing_filters_raise(
    books: Any, practice: PracticeXero, where: str, status: int, error: type[Exception]
) -> None:
    practice.create(f"No account number {status}")
    with pytest.raises(error) as refused:
        books.get_contacts(practice.tenant_id, where=where)
    assert getattr(refused.value, "status", None) == status


def test_archived_contact_cannot_join_a_group(books: Any, practice: PracticeXero) -> None:
    contact_id = practice.create("Archived for the SDK")
    practice.somebody("archive", contact_id)
    group = accounting.ContactGroups(contact_groups=[accounting.ContactGroup(name="Of the SDK")])
    [made] = books.create_contact_group(practice.tenant_id, group).contact_groups
    with pytest.raises(exceptions.AccountingBadRequestException) as refused:
        books.create_contact_group_contacts(
            practice.tenant_id, made.contact_group_id, _contact(contact_id, name="Archived for the SDK")
        )
    assert refused.value.status == 400
    assert "Unable to assign an Archived contact." in str(refused.value)


def test_app_store_scope_is_accepted(
    client: Any, practice: PracticeXero, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(oauth2.TokenApi, "client_credentials_token_url", f"{practice.identity}/connect/token")
    tokens = oauth2.TokenApi(client, CUSTOM_CLIENT_ID, CUSTOM_CLIENT_SECRET)
    assert tokens.get_client_credentials_token(app_store_billing=True)["scope"] == "marketplace.billing"


def test_expired_token_error_has_its_time(books: Any, practice: PracticeXero) -> None:
    practice.control("POST", "tokens", {"expireAccess": True})
    with pytest.raises(exceptions.HTTPStatusException) as refused:
        books.get_contacts(practice.tenant_id, page=1)
    assert refused.value.status == 401
    assert "TokenExpired: token expired at " in str(refused.value)
