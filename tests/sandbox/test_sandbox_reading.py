"""`GET /Contacts` as the live service was seen to answer it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from support.practice import PracticeXero
    from support.xero_calls import XeroCalls


def test_pages_put_together_are_all_contacts_once(xero: XeroCalls) -> None:
    first = xero.call(
        "GET", "Contacts", page=1, pageSize=70, includeArchived="true", order="ContactID"
    ).json()
    count = first["pagination"]["pageCount"]
    ids = [
        one["ContactID"]
        for page in range(1, count + 1)
        for one in xero.contacts(page=page, pageSize=70, includeArchived="true", order="ContactID")
    ]
    assert len(ids) == len(set(ids)) == first["pagination"]["itemCount"]
    assert ids == sorted(ids)
    assert first["pagination"] == {"page": 1, "pageSize": 70, "pageCount": count, "itemCount": len(ids)}


def test_the_page_after_the_last_is_empty(xero: XeroCalls) -> None:
    assert xero.contacts(page=1000) == []


def test_archived_contacts_are_not_there_unless_asked_for(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Archived and hidden")
    practice.somebody("archive", contact_id)
    assert xero.contacts(IDs=contact_id) == []
    assert [one["ContactStatus"] for one in xero.contacts(IDs=contact_id, includeArchived="TRUE")] == [
        "ARCHIVED"
    ]
    assert xero.contact(contact_id)["ContactStatus"] == "ARCHIVED"


def test_ids_are_read_in_any_case_and_unknown_ones_are_missing(
    practice: PracticeXero, xero: XeroCalls
) -> None:
    one, two = practice.create("By id, one"), practice.create("By id, two")
    asked = f"{one.upper()},{two},00000000-0000-4000-8000-000000000000"
    assert {contact["ContactID"] for contact in xero.contacts(IDs=asked)} == {one, two}


def test_an_envelope_and_dates_as_xero_writes_them(xero: XeroCalls) -> None:
    answer = xero.call("GET", "Contacts", page=1).json()
    assert list(answer) == ["Id", "Status", "ProviderName", "DateTimeUTC", "pagination", "Contacts"]
    assert re.fullmatch(r"/Date\(\d{13}\)/", answer["DateTimeUTC"])
    contact = answer["Contacts"][0]
    assert re.fullmatch(r"/Date\(\d{13}\+0000\)/", contact["UpdatedDateUTC"])
    assert [phone["PhoneType"] for phone in contact["Phones"]] == ["DDI", "DEFAULT", "FAX", "MOBILE"]
    assert {address["AddressType"] for address in contact["Addresses"]} == {"POBOX", "STREET"}
    assert len(answer["Contacts"]) == 100


def test_unpaged_lists_are_light(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Light", ContactPersons=[{"FirstName": "A"}])
    practice.somebody("balances", contact_id, AccountsReceivable={"Outstanding": 5})
    [light] = xero.contacts(IDs=contact_id)
    [full] = xero.contacts(IDs=contact_id, page=1)
    assert {"Balances", "ContactGroups", "ContactPersons"} == set(full) - set(light)
    assert full["Balances"]["AccountsReceivable"]["Outstanding"] == 5


def test_summaries_leave_more_out(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Summary")
    [summary] = xero.contacts(IDs=contact_id, page=1, summaryOnly="True")
    assert not {"Balances", "ContactGroups", "IsCustomer", "IsSupplier"} & set(summary)
    assert "ContactPersons" in summary


@pytest.mark.parametrize("term", ["ZELDA", "quetzal", "RL-9-Z", "co-77", "zq@mail.example"])
def test_search_looks_at_names_numbers_and_mail(practice: PracticeXero, xero: XeroCalls, term: str) -> None:
    fields = {
        "FirstName": "Quetzal",
        "ContactNumber": f"rl-9-z {term}",
        "CompanyNumber": "CO-77",
        "EmailAddress": "ZQ@mail.example",
    }
    contact_id = practice.create(f"Zelda {term}", **fields)
    assert contact_id in {one["ContactID"] for one in xero.contacts(searchTerm=term, page=1)}
    assert xero.contacts(searchTerm="nobody is called this", page=1) == []


@pytest.mark.parametrize(
    ("order", "key"),
    [("Name", "Name"), ("Name ASC", "Name"), ("ContactID", "ContactID"), ("EmailAddress", "EmailAddress")],
)
def test_orders(xero: XeroCalls, order: str, key: str) -> None:
    values = [one[key].casefold() for one in xero.contacts(order=order, page=1, pageSize=1000)]
    assert values == sorted(values)


def test_the_default_order_is_the_time_of_change(practice: PracticeXero, xero: XeroCalls) -> None:
    newest = practice.create("Newest of all")
    contacts = xero.contacts(page=1, pageSize=1000)
    dates = [one["UpdatedDateUTC"] for one in contacts]
    assert dates == sorted(dates)
    assert contacts[-1]["ContactID"] == newest
    assert xero.contacts(page=1, order="UpdatedDateUTC DESC")[0]["ContactID"] == newest


def test_where_with_a_doubled_quote(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create('The "Quick" Plumber')
    [found] = xero.contacts(where='Name=="The ""Quick"" Plumber"')
    assert found["ContactID"] == contact_id


@pytest.mark.parametrize(
    "query",
    [
        {"where": 'Name=="unfinished'},
        {"where": 'Shoe=="42"'},
        {"where": "Name"},
        {"where": 'Name=="a" OR Name=="b"'},
        {"where": "IsCustomer==7"},
        {"where": 'Name.Sounds("x")'},
        {"order": "Shoe"},
        {"order": "Name SIDEWAYS"},
        {"page": "0"},
        {"page": "one"},
        {"page": "9" * 30},
        {"pageSize": "1001"},
        {"IDs": "not-an-id"},
    ],
)
def test_what_cannot_be_understood_is_a_query_parse_exception(xero: XeroCalls, query: dict[str, Any]) -> None:
    reply = xero.call("GET", "Contacts", **query)
    assert reply.status == 400
    assert reply.json()["Type"] == "QueryParseException"
    assert reply.json()["Message"]


def test_if_modified_since_sees_archiving_but_not_balances(practice: PracticeXero, xero: XeroCalls) -> None:
    archived, owing = practice.create("Since, archived"), practice.create("Since, owing")
    before = xero.contact(owing)["UpdatedDateUTC"]
    since = datetime.now(UTC).replace(microsecond=0)
    practice.somebody("archive", archived)
    practice.somebody("balances", owing, AccountsPayable={"Overdue": 7})
    spelled = {"If-Modified-Since": since.isoformat()}
    found = xero.contacts(headers=spelled, page=1, pageSize=1000, includeArchived="true")
    assert archived in {one["ContactID"] for one in found}
    assert xero.contact(owing)["UpdatedDateUTC"] == before
    assert xero.contact(owing)["Balances"]["AccountsPayable"]["Overdue"] == 7


@pytest.mark.parametrize(
    "spelled",
    [
        "2099-01-01T00:00:00Z", "2099-01-01T00:00:00", "2099-01-01T00:00:00.123Z",
        "2099-01-01T00:00:00.123-08:00", "Thu, 01 Jan 2099 00:00:00 GMT",
    ],
)  # fmt: skip
def test_if_modified_since_in_each_spelling(xero: XeroCalls, spelled: str) -> None:
    assert xero.contacts(headers={"If-Modified-Since": spelled}, page=1) == []


def test_an_unknown_id_is_an_empty_html_404(xero: XeroCalls) -> None:
    reply = xero.call("GET", "Contacts/00000000-0000-4000-8000-000000000000")
    assert (reply.status, reply.body) == (404, b"")
    assert reply.headers["Content-Type"].startswith("text/html")


def test_another_organisation_has_other_contacts(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Only in the first")
    xero.tenant_id = practice.organisations[1].tenant_id
    assert xero.call("GET", f"Contacts/{contact_id}").status == 404
    assert (
        xero.call("GET", "Organisation").json()["Organisations"][0]["Name"] == practice.organisations[1].name
    )


def test_history_is_newest_first_and_takes_notes(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("With a history")
    note = {"HistoryRecords": [{"Details": "Moved out on Friday"}]}
    assert xero.call("PUT", f"Contacts/{contact_id}/History", note).status == 200
    records = xero.call("GET", f"Contacts/{contact_id}/History").json()["HistoryRecords"]
    assert [(one["Changes"], one["Details"]) for one in records] == [
        ("Note", "Moved out on Friday"),
        ("Created", "With a history was created."),
    ]


def test_groups_show_in_contacts_and_contacts_in_groups(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("In a group")
    made = xero.call("PUT", "ContactGroups", {"ContactGroups": [{"Name": "Practice group"}]}).json()
    group_id = made["ContactGroups"][0]["ContactGroupID"]
    member = {"Contacts": [{"ContactID": contact_id}]}
    assert xero.call("PUT", f"ContactGroups/{group_id}/Contacts", member).status == 200
    assert [one["Name"] for one in xero.contact(contact_id)["ContactGroups"]] == ["Practice group"]
    [group] = xero.call("GET", f"ContactGroups/{group_id}").json()["ContactGroups"]
    assert [one["ContactID"] for one in group["Contacts"]] == [contact_id]
    renamed = xero.call("POST", f"ContactGroups/{group_id}", {"Name": "Renamed group"}).json()
    assert renamed["ContactGroups"][0]["Name"] == "Renamed group"
    assert [one["Name"] for one in xero.contact(contact_id)["ContactGroups"]] == ["Renamed group"]
    assert xero.call("DELETE", f"ContactGroups/{group_id}/Contacts/{contact_id}").status == 204
    assert xero.contact(contact_id)["ContactGroups"] == []
    names = [one["Name"] for one in xero.call("GET", "ContactGroups").json()["ContactGroups"]]
    assert {"Tenants", "Owners", "Trades", "Utilities", "Renamed group"} <= set(names)
