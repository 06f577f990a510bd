"""`GET /Contacts` as the live service was seen to reply."""

from __future__ import annotations

import re
import urllib.parse
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from support.practice import PracticeXero
    from support.xero_calls import XeroCalls


def test_pages_together_have_every_contact_once(xero: XeroCalls) -> None:
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


def test_archived_contacts_are_listed_only_on_request(practice: PracticeXero, xero: XeroCalls) -> None:
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


def test_ids_can_be_given_in_several_parameters(practice: PracticeXero, xero: XeroCalls) -> None:
    ids = [practice.create(f"By ids, {n}") for n in range(4)]
    query = f"IDs={ids[0]}&ids={ids[1]},{ids[2].replace('-', '')}&page=1&IDS={ids[3].upper()}"
    found = xero.call("GET", f"Contacts?{query}").json()["Contacts"]
    assert {one["ContactID"] for one in found} == set(ids)
    assert xero.call("GET", "Contacts?page=1&page=2").json()["Type"] == "QueryParseException"


def _spellings(identifier: str) -> list[str]:
    bare = identifier.replace("-", "")
    return [identifier.upper(), bare, bare.upper(), f"{{{identifier}}}", f"({identifier.upper()})"]


def test_identifiers_are_accepted_in_every_spelling(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Spelled")
    group = xero.call("PUT", "ContactGroups", {"Name": "Spelled group"}).json()["ContactGroups"][0]
    for spelled, group_id in zip(_spellings(contact_id), _spellings(group["ContactGroupID"]), strict=True):
        quoted = urllib.parse.quote(spelled)
        assert [one["ContactID"] for one in xero.contacts(IDs=spelled)] == [contact_id]
        assert [one["ContactID"] for one in xero.contacts(where=f'ContactID==Guid("{spelled}")')] == [
            contact_id
        ]
        assert xero.contact(quoted)["ContactID"] == contact_id
        assert xero.call("GET", f"Contacts/{quoted}/History").status == 200
        edit = {"Contacts": [{"ContactID": spelled, "LastName": "Edited"}]}
        assert xero.call("POST", "Contacts", edit).json()["Contacts"][0]["ContactID"] == contact_id
        assert xero.call("POST", f"Contacts/{quoted}", {"LastName": "Again"}).status == 200
        members = f"ContactGroups/{urllib.parse.quote(group_id)}/Contacts"
        assert xero.call("PUT", members, {"Contacts": [{"ContactID": spelled}]}).status == 200
        assert xero.call("DELETE", f"{members}/{quoted}").status == 204


@pytest.mark.parametrize("number", range(5))
def test_tenant_ids_are_accepted_in_every_spelling(
    practice: PracticeXero, xero: XeroCalls, number: int
) -> None:
    xero.tenant_id = _spellings(practice.tenant_id)[number]
    [organisation] = xero.call("GET", "Organisation").json()["Organisations"]
    assert organisation["OrganisationID"] == practice.tenant_id


@pytest.mark.parametrize("path", ["Organisations", "organisation", "CONTACTS", "contacts", "contactGroups"])
def test_paths_are_accepted_in_every_spelling(xero: XeroCalls, path: str) -> None:
    assert xero.call("GET", path).status == 200
    assert xero.call("GET", f"{path}x").status == 404


def test_parameters_are_accepted_in_every_spelling(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Parameters")
    practice.somebody("archive", contact_id)
    asked: dict[str, Any] = {"ids": contact_id, "INCLUDEARCHIVED": "true", "PageSize": 1, "Page": 1}
    reply = xero.call("GET", "Contacts", **asked).json()
    assert [one["ContactID"] for one in reply["Contacts"]] == [contact_id]
    assert reply["pagination"]["pageSize"] == 1
    asked = {"searchterm": "parameters", "WHERE": 'ContactStatus=="ARCHIVED"', "includearchived": "TRUE"}
    found = xero.call("GET", "Contacts", **asked, Order="Name").json()["Contacts"]
    assert [one["ContactID"] for one in found] == [contact_id]


def test_envelope_and_dates_are_written_as_by_xero(xero: XeroCalls) -> None:
    answer = xero.call("GET", "Contacts", page=1).json()
    assert list(answer) == ["Id", "Status", "ProviderName", "DateTimeUTC", "pagination", "Contacts"]
    assert re.fullmatch(r"/Date\(\d{13}\)/", answer["DateTimeUTC"])
    contact = answer["Contacts"][0]
    assert re.fullmatch(r"/Date\(\d{13}\+0000\)/", contact["UpdatedDateUTC"])
    assert [phone["PhoneType"] for phone in contact["Phones"]] == ["DDI", "DEFAULT", "FAX", "MOBILE"]
    assert {address["AddressType"] for address in contact["Addresses"]} == {"POBOX", "STREET"}
    assert len(answer["Contacts"]) == 100


def test_unpaged_lists_have_fewer_fields(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Light", ContactPersons=[{"FirstName": "A"}])
    practice.somebody("balances", contact_id, AccountsReceivable={"Outstanding": 5})
    [light] = xero.contacts(IDs=contact_id)
    [full] = xero.contacts(IDs=contact_id, page=1)
    assert {"Balances"} == set(full) - set(light)
    assert (light["ContactGroups"], light["ContactPersons"]) == ([], [])
    assert len(full["ContactPersons"]) == 1
    assert full["Balances"]["AccountsReceivable"]["Outstanding"] == 5


def test_single_contact_lists_its_attachments(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Attachments", ContactNumber="ATT-1")
    for identifier in (contact_id, "ATT-1"):
        fields = list(xero.contact(identifier))
        assert fields[fields.index("HasAttachments") + 1] == "Attachments"
        assert xero.contact(identifier)["Attachments"] == []
    for query in ({}, {"page": 1}, {"summaryOnly": "true"}):
        assert "Attachments" not in xero.contacts(IDs=contact_id, **query)[0]


def test_contact_never_edited_has_empty_address_and_phone_slots(
    practice: PracticeXero, xero: XeroCalls
) -> None:
    contact_id = practice.create("Never edited")
    bare = {
        "Addresses": [{"AddressType": "POBOX"}, {"AddressType": "STREET"}],
        "Phones": [{"PhoneType": kind} for kind in ("DDI", "DEFAULT", "FAX", "MOBILE")],
    }
    everybody = xero.contacts(page=1, pageSize=1000, includeArchived="true")
    assert any(one.items() >= bare.items() for one in everybody if one["ContactID"] != contact_id)
    for found in (xero.contact(contact_id), xero.contacts(IDs=contact_id)[0]):
        assert found.items() >= bare.items()
        assert not {"EmailAddress", "BankAccountDetails"} & set(found)
    xero.call("POST", f"Contacts/{contact_id}", {"LastName": "Edited"})
    after = xero.contact(contact_id)
    assert after["Addresses"][0] == {
        "AddressType": "STREET", "City": "", "Region": "", "PostalCode": "", "Country": ""
    }  # fmt: skip
    assert after["Phones"][0] == {
        "PhoneType": "DDI", "PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""
    }  # fmt: skip
    assert (after["EmailAddress"], after["BankAccountDetails"]) == ("", "")


def test_summaries_have_fewer_fields(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Summary")
    [summary] = xero.contacts(IDs=contact_id, page=1, summaryOnly="True")
    assert not {"Balances", "ContactGroups", "IsCustomer", "IsSupplier"} & set(summary)
    assert "ContactPersons" in summary


@pytest.mark.parametrize("term", ["ZELDA", "quetzal", "RL-9-Z", "co-77", "zq@mail.example"])
def test_search_covers_names_numbers_and_emails(practice: PracticeXero, xero: XeroCalls, term: str) -> None:
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
def test_lists_can_be_ordered(xero: XeroCalls, order: str, key: str) -> None:
    values = [one.get(key, "").casefold() for one in xero.contacts(order=order, page=1, pageSize=1000)]
    assert values == sorted(values)


def test_lists_can_be_ordered_by_several_columns(practice: PracticeXero, xero: XeroCalls) -> None:
    made = [
        practice.create(f"Ordered {n}", FirstName=first, LastName="Of-several-columns")
        for n, first in enumerate(("B", "A", "B", "A"))
    ]
    ask: dict[str, Any] = {"where": 'LastName=="Of-several-columns"', "page": 1}
    for order, positions in (
        ("FirstName, Name", (1, 3, 0, 2)),
        ("FirstName ASC,Name DESC", (3, 1, 2, 0)),
        ("firstname desc , NAME asc", (0, 2, 1, 3)),
        ("LastName DESC, FirstName descending, Name", (0, 2, 1, 3)),
        ("Name, Name DESC", (0, 1, 2, 3)),
    ):
        found = [one["ContactID"] for one in xero.contacts(order=order, **ask)]
        assert found == [made[n] for n in positions]


def test_default_order_is_by_time_of_change(practice: PracticeXero, xero: XeroCalls) -> None:
    newest = practice.create("Newest of all")
    contacts = xero.contacts(page=1, pageSize=1000)
    dates = [one["UpdatedDateUTC"] for one in contacts]
    assert dates == sorted(dates)
    assert contacts[-1]["ContactID"] == newest
    assert xero.contacts(page=1, order="UpdatedDateUTC DESC")[0]["ContactID"] == newest


def test_doubled_quote_in_a_filter_is_a_quote(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create('The "Quick" Plumber')
    [found] = xero.contacts(where='Name=="The ""Quick"" Plumber"')
    assert found["ContactID"] == contact_id


@pytest.mark.parametrize(
    "query",
    [
        {"where": 'Name=="unfinished'},
        {"where": 'Shoe=="42"'},
        {"where": "Name"},
        {"where": 'Name=="a" OR'},
        {"where": 'ContactID=="5f7b8c1d-0000-4000-8000-000000000000"'},
        {"where": "(" * 60 + 'Name=="a"' + ")" * 60},
        {"where": "IsCustomer==7"},
        {"where": 'Name.Sounds("x")'},
        {"order": "Shoe"},
        {"order": "Name SIDEWAYS"},
        {"order": "Name,"},
        {"order": "Name ASC DESC"},
        {"page": "0"},
        {"page": "one"},
        {"page": "9" * 30},
        {"pageSize": "1001"},
        {"IDs": "not-an-id"},
        {"IDs": "{5f7b8c1d-0000-4000-8000-000000000000"},
        {"IDs": "5f7b8c1d-00004000-8000-000000000000"},
        {"IDs": "5f7b8c1d-0000-4000-8000-000000000000)"},
    ],
)
def test_invalid_query_is_a_query_parse_exception(xero: XeroCalls, query: dict[str, Any]) -> None:
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
def test_if_modified_since_is_accepted_in_each_format(xero: XeroCalls, spelled: str) -> None:
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


def test_history_is_newest_first_and_accepts_notes(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("With a history")
    note = {"HistoryRecords": [{"Details": "Moved out on Friday"}]}
    written = xero.call("PUT", f"Contacts/{contact_id}/History", note)
    assert written.status == 200
    [record] = written.json()["HistoryRecords"]
    assert re.fullmatch(r"/Date\(\d{13}\)/", record["DateUTC"])
    assert list(record) == ["DateUTCString", "DateUTC", "Details", "ValidationErrors"]
    records = xero.call("GET", f"Contacts/{contact_id}/History").json()["HistoryRecords"]
    assert [(one["Changes"], one["Details"]) for one in records] == [
        ("Note", "Moved out on Friday"),
        ("Created", "With a history was created."),
    ]
    assert all(re.fullmatch(r"/Date\(\d{13}\+0000\)/", one["DateUTC"]) for one in records)


def test_deleted_group_stays_deleted_and_accepts_no_contacts(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Near a deleted group")
    [group] = xero.call("PUT", "ContactGroups", {"Name": "Deleted soon"}).json()["ContactGroups"]
    path = f"ContactGroups/{group['ContactGroupID']}"
    assert xero.call("POST", path, {"Status": "DELETED"}).json()["ContactGroups"][0]["Status"] == "DELETED"
    refused = xero.call("PUT", f"{path}/Contacts", {"Contacts": [{"ContactID": contact_id}]})
    assert (refused.status, refused.json()["Type"]) == (400, "ValidationException")
    assert xero.contact(contact_id)["ContactGroups"] == []
    renamed = xero.call("POST", path, {"Name": "Deleted, renamed"}).json()["ContactGroups"][0]
    assert renamed["Status"] == "DELETED"
    names = [one["Name"] for one in xero.call("GET", "ContactGroups").json()["ContactGroups"]]
    assert "Deleted, renamed" not in names


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


def test_archived_contact_cannot_join_a_group(practice: PracticeXero, xero: XeroCalls) -> None:
    made = xero.call("PUT", "ContactGroups", {"Name": "No archived members"}).json()
    members = f"ContactGroups/{made['ContactGroups'][0]['ContactGroupID']}/Contacts"
    active, archived, gone, merged = (practice.create(f"Member {n}") for n in range(4))
    practice.somebody("archive", archived)
    practice.somebody("gdpr", gone)
    practice.somebody("merge", merged, into=active)
    for contact_id in (archived, gone, merged):
        reply = xero.call("PUT", members, {"Contacts": [{"ContactID": active}, {"ContactID": contact_id}]})
        refused = reply.json()
        assert (reply.status, refused["ErrorNumber"], refused["Type"]) == (400, 10, "ValidationException")
        [element] = refused["Elements"]
        assert (element["ContactID"], element["HasValidationErrors"]) == (contact_id, True)
        assert element["ValidationErrors"] == [{"Message": "Unable to assign an Archived contact."}]
        assert xero.contact(active)["ContactGroups"] == xero.contact(contact_id)["ContactGroups"] == []
    assert xero.call("PUT", members, {"Contacts": [{"ContactID": active}]}).status == 200
    # A contact archived later stays in the group.
    practice.somebody("archive", active)
    assert [one["Name"] for one in xero.contact(active)["ContactGroups"]] == ["No archived members"]


def test_groups_are_filtered_and_ordered(xero: XeroCalls) -> None:
    def listed(**query: Any) -> list[str]:
        groups = xero.call("GET", "ContactGroups", **query).json()["ContactGroups"]
        return [one["Name"] for one in groups if one["Name"] in {"Owners", "Tenants", "Trades", "Utilities"}]

    assert listed(where='Status=="ACTIVE" && Name.StartsWith("T")', order="Name DESC") == [
        "Trades",
        "Tenants",
    ]
    assert listed(where='Status=="DELETED" OR Name=="Owners"') == ["Owners"]
    group = xero.call("GET", "ContactGroups", where='Name=="Owners"').json()["ContactGroups"][0]
    assert listed(where=f'ContactGroupID==Guid("{group["ContactGroupID"]}")') == ["Owners"]
    wrong: list[dict[str, Any]] = [{"where": "nonsense"}, {"order": "Shoe"}]
    for query in wrong:
        reply = xero.call("GET", "ContactGroups", **query)
        assert (reply.status, reply.json()["Type"]) == (400, "QueryParseException")


@pytest.mark.parametrize("wrong", [None, "", " ", 5, [], {}, ["x"]])
@pytest.mark.parametrize("field", ["Name", "Status"])
def test_group_fields_must_be_text(xero: XeroCalls, field: str, wrong: Any) -> None:
    made = xero.call("PUT", "ContactGroups", {"Name": f"Only texts {field} {wrong}"}).json()["ContactGroups"][
        0
    ]
    path = f"ContactGroups/{made['ContactGroupID']}"
    refused = xero.call("POST", path, {field: wrong})
    assert (refused.status, refused.json()["Type"]) == (400, "ValidationException")
    assert xero.call("GET", path).json()["ContactGroups"][0]["Name"] == made["Name"]
    assert xero.call("POST", path, {"Status": "DELETED"}).status == 200


def test_groups_are_created_together_or_not_at_all(xero: XeroCalls) -> None:
    def names() -> list[str]:
        return [one["Name"] for one in xero.call("GET", "ContactGroups").json()["ContactGroups"]]

    before = names()
    for second in ("Tenants", "made together", ""):
        groups = {"ContactGroups": [{"Name": "Made together"}, {"Name": second}]}
        assert xero.call("PUT", "ContactGroups", groups).status == 400
    many = {"ContactGroups": [{"Name": f"Group {n}"} for n in range(101 - len(before))]}
    refused = xero.call("PUT", "ContactGroups", many).json()["Elements"]
    assert [one["Name"] for one in refused] == [f"Group {100 - len(before)}"]
    assert "limit of 100 contact groups" in refused[0]["ValidationErrors"][0]["Message"]
    assert names() == before
