"""`PUT` and `POST /Contacts`: elements judged one by one; archive works, restore does not."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from support.practice import PracticeXero
    from support.xero_calls import XeroCalls

MATCHED_ARCHIVED = (
    "The specified contact details matched an archived contact. "
    "Archived contacts cannot currently be edited via the API."
)
UNKNOWN = "00000000-0000-4000-8000-000000000000"


def _message(element: dict[str, Any]) -> str:
    assert element["StatusAttributeString"] == "ERROR"
    assert element["HasValidationErrors"] is True
    return str(element["ValidationErrors"][0]["Message"])


def test_archiving_keeps_unsent_fields(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Archive me", EmailAddress="a@mail.example")
    before = xero.contact(contact_id)
    [element] = xero.archive(contact_id)
    after = xero.contact(contact_id)
    assert (element["StatusAttributeString"], element["HasValidationErrors"]) == ("OK", False)
    assert after["ContactStatus"] == element["ContactStatus"] == "ARCHIVED"
    assert after["UpdatedDateUTC"] > before["UpdatedDateUTC"]
    changed = {"ContactStatus", "UpdatedDateUTC"}
    assert {key: after[key] for key in after if key not in changed} == {
        key: before[key] for key in before if key not in changed
    }


@pytest.mark.parametrize("status", ["ACTIVE", "ARCHIVED"])
def test_archived_contact_cannot_be_edited(practice: PracticeXero, xero: XeroCalls, status: str) -> None:
    contact_id = practice.create(f"Out of reach {status}")
    xero.archive(contact_id)
    reply = xero.set_status(contact_id, status=status)
    [element] = reply.json()["Contacts"]
    assert (reply.status, reply.json()["Status"]) == (200, "OK")
    assert _message(element) == MATCHED_ARCHIVED
    # As recorded: the stored name joins what was sent, and the verdict comes before its reason.
    assert element == {
        "ContactID": contact_id,
        "ContactStatus": status,
        "Name": f"Out of reach {status}",
        "Addresses": [],
        "Phones": [],
        "ContactGroups": [],
        "ContactPersons": [],
        "HasValidationErrors": True,
        "StatusAttributeString": "ERROR",
        "ValidationErrors": [{"Message": MATCHED_ARCHIVED}],
    }
    assert list(element)[-3:] == ["HasValidationErrors", "StatusAttributeString", "ValidationErrors"]
    assert list(element)[:3] == ["ContactID", "ContactStatus", "Name"]
    assert xero.contact(contact_id)["ContactStatus"] == "ARCHIVED"


@pytest.mark.parametrize("spelled", ["true", "TRUE", None], ids=["lower", "upper", "missing"])
def test_with_summarised_errors_one_failure_fails_all(
    practice: PracticeXero, xero: XeroCalls, spelled: str | None
) -> None:
    good, archived = practice.create("Whole call, good"), practice.create("Whole call, archived")
    xero.archive(archived)
    elements = [{"ContactID": one, "ContactStatus": "ARCHIVED"} for one in (good, archived)]
    query: dict[str, Any] = {} if spelled is None else {"summarizeErrors": spelled}
    reply = xero.call("POST", "Contacts", {"Contacts": elements}, **query)
    assert reply.status == 400
    answer = reply.json()
    assert (answer["ErrorNumber"], answer["Type"]) == (10, "ValidationException")
    assert answer["Message"] == "A validation exception occurred"
    assert [one["ContactID"] for one in answer["Elements"]] == [archived]
    assert xero.contact(good)["ContactStatus"] == "ACTIVE"
    xero.archive(good)


@pytest.mark.parametrize("spelled", ["false", "False", "FALSE"])
def test_without_summarised_errors_each_contact_is_judged(
    practice: PracticeXero, xero: XeroCalls, spelled: str
) -> None:
    good, archived = practice.create("Each judged, good"), practice.create("Each judged, archived")
    xero.archive(archived)
    reply = xero.set_status(good, archived, summarizeErrors=spelled)
    assert [one["StatusAttributeString"] for one in reply.json()["Contacts"]] == ["OK", "ERROR"]
    assert xero.contact(good)["ContactStatus"] == "ARCHIVED"


def test_a_contact_on_repeating_invoices_cannot_be_archived(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Billed monthly")
    practice.somebody("repeating", contact_id)
    [element] = xero.archive(contact_id)
    assert _message(element) == "Contacts cannot be archived if they are associated with repeating invoices"
    practice.somebody("repeating", contact_id, repeating=False)
    assert xero.archive(contact_id)[0]["ContactStatus"] == "ARCHIVED"


def test_refused_archive_rolls_back_its_edits(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Edits taken back")
    practice.somebody("repeating", contact_id)
    element = {"ContactID": contact_id, "FirstName": "New", "ContactStatus": "ARCHIVED"}
    xero.call("POST", "Contacts", {"Contacts": [element]}, summarizeErrors="false")
    assert "FirstName" not in xero.contact(contact_id)


def test_unknown_id_fails_the_whole_request(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Beside an unknown one")
    reply = xero.set_status(contact_id, UNKNOWN)
    assert (reply.status, reply.body) == (404, b"")
    assert reply.headers["Content-Type"].startswith("text/html")
    assert xero.contact(contact_id)["ContactStatus"] == "ACTIVE"


def test_same_contact_twice_in_a_request(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Twice in a call")
    first, second = xero.archive(contact_id, contact_id)
    assert first["StatusAttributeString"] == "OK"
    assert _message(second) == MATCHED_ARCHIVED


def test_gdpr_and_merged_contacts_cannot_be_edited(practice: PracticeXero, xero: XeroCalls) -> None:
    gone, merged, into = (practice.create(f"Third status {n}") for n in range(3))
    practice.somebody("gdpr", gone)
    practice.somebody("merge", merged, into=into)
    assert xero.contact(gone)["ContactStatus"] == "GDPRREQUEST"
    shown = xero.contact(merged)
    assert (shown["ContactStatus"], shown["MergedToContactID"]) == ("ARCHIVED", into)
    for contact_id in (gone, merged):
        assert (
            _message(xero.set_status(contact_id, status="ACTIVE").json()["Contacts"][0]) == MATCHED_ARCHIVED
        )
    assert xero.set_status(into, status="GDPRREQUEST").json()["Contacts"][0]["HasValidationErrors"] is True


def test_put_creates_and_names_are_unique_among_active_contacts(xero: XeroCalls) -> None:
    made = xero.call("PUT", "Contacts", {"Contacts": [{"Name": "Made by PUT", "FirstName": "P"}]})
    contact = made.json()["Contacts"][0]
    assert (made.status, contact["ContactStatus"], contact["FirstName"]) == (200, "ACTIVE", "P")
    again = xero.call("PUT", "Contacts", {"Name": "made by put"})
    assert again.status == 400
    message = again.json()["Elements"][0]["ValidationErrors"][0]["Message"]
    assert message.startswith("The contact name made by put is already assigned to another contact.")
    xero.archive(contact["ContactID"])
    assert xero.call("PUT", "Contacts", {"Name": "Made by PUT"}).status == 200


def test_contact_numbers_are_unique_among_all(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Numbered", ContactNumber="N-1")
    xero.archive(contact_id)
    reply = xero.call("PUT", "Contacts", {"Name": "Numbered too", "ContactNumber": "N-1"})
    assert reply.status == 400
    assert "contact number N-1" in reply.json()["Elements"][0]["ValidationErrors"][0]["Message"]


def test_post_edits_the_contact_matched_by_id_number_or_name(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Matched by name", ContactNumber="N-2")
    for match in ({"ContactID": contact_id}, {"ContactNumber": "N-2"}, {"Name": "Matched by name"}):
        element = {**match, "LastName": f"by {min(match)}"}
        edited = xero.call("POST", "Contacts", {"Contacts": [element]}).json()["Contacts"][0]
        assert (edited["ContactID"], edited["LastName"]) == (contact_id, element["LastName"])
    renamed = xero.call("POST", f"Contacts/{contact_id}", {"Name": "Renamed"}).json()["Contacts"][0]
    assert renamed["Name"] == "Renamed"
    made = xero.call("POST", "Contacts", {"Name": "Matched by name"}).json()["Contacts"][0]
    assert made["ContactID"] != contact_id


def test_phones_and_addresses_keep_their_slots(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Slots")
    element = {
        "ContactID": contact_id,
        "Phones": [{"PhoneType": "FAX", "PhoneNumber": "1234"}],
        "Addresses": [{"AddressType": "POBOX", "City": "Napier"}],
    }
    contact = xero.call("POST", "Contacts", {"Contacts": [element]}).json()["Contacts"][0]
    numbers = {"DDI": "", "DEFAULT": "", "FAX": "1234", "MOBILE": ""}
    # Writes and reads order phones differently, as recorded.
    assert [one["PhoneType"] for one in contact["Phones"]] == ["DEFAULT", "DDI", "FAX", "MOBILE"]
    read = xero.contact(contact_id)
    assert [one["PhoneType"] for one in read["Phones"]] == ["DDI", "DEFAULT", "FAX", "MOBILE"]
    for shown in (contact, read):
        assert {one["PhoneType"]: one["PhoneNumber"] for one in shown["Phones"]} == numbers
        assert [(one["AddressType"], one["City"]) for one in shown["Addresses"]] == [
            ("STREET", ""),
            ("POBOX", "Napier"),
        ]


def test_an_error_names_the_stored_contact_unless_a_name_was_sent(
    practice: PracticeXero, xero: XeroCalls
) -> None:
    contact_id = practice.create("Stored name", ContactNumber="ST-1")
    xero.archive(contact_id)
    for sent, name in (
        ({"ContactNumber": "ST-1"}, "Stored name"),
        ({"ContactID": contact_id, "Name": "N"}, "N"),
    ):
        for summarise in ("false", "true"):
            reply = xero.call("POST", "Contacts", {"Contacts": [sent]}, summarizeErrors=summarise).json()
            [element] = reply.get("Contacts") or reply["Elements"]
            assert element["Name"] == name
            assert ("StatusAttributeString" in element) is (summarise == "false")


@pytest.mark.parametrize("summarise", ["false", "true"])
@pytest.mark.parametrize("way", ["POST", "POST one"])
def test_an_error_spells_the_identifier_as_every_answer_does(
    practice: PracticeXero, xero: XeroCalls, way: str, summarise: str
) -> None:
    contact_id = practice.create(f"Spelled in an error, {way} {summarise}")
    xero.archive(contact_id)
    for sent in (contact_id.upper(), contact_id.replace("-", ""), f"{{{contact_id.upper()}}}"):
        element = {"ContactID": sent, "ContactStatus": "ARCHIVED"}
        path = "Contacts" if way == "POST" else f"Contacts/{urllib.parse.quote(sent)}"
        reply = xero.call("POST", path, {"Contacts": [element]}, summarizeErrors=summarise).json()
        [refused] = reply.get("Contacts") or reply["Elements"]
        assert refused["ContactID"] == contact_id


def test_an_error_echoes_what_was_sent(practice: PracticeXero, xero: XeroCalls) -> None:
    practice.create("Echoed")
    phone = {"PhoneType": "DEFAULT", "PhoneNumber": "123"}
    sent = {"Name": "echoed", "IsCustomer": True, "Phones": [phone], "HasAttachments": True}
    [element] = xero.call("PUT", "Contacts", {"Contacts": [sent]}).json()["Elements"]
    assert element["ContactID"] == "00000000-0000-0000-0000-000000000000"
    assert (element["Name"], element["IsCustomer"]) == ("echoed", True)
    assert element["Phones"] == [phone | {"ValidationErrors": []}]
    assert "HasAttachments" not in element


@pytest.mark.parametrize("way", ["PUT", "POST", "POST one", "archive"])
def test_write_replies_have_their_own_fields(practice: PracticeXero, xero: XeroCalls, way: str) -> None:
    contact_id = practice.create(f"Own fields {way}", LastName="L")
    practice.somebody("balances", contact_id, AccountsReceivable={"Outstanding": 5})
    body = {"Name": f"Own fields {way} (2)", "FirstName": "F"}
    reply = {
        "PUT": lambda: xero.call("PUT", "Contacts", body),
        "POST": lambda: xero.call("POST", "Contacts", {"Contacts": [{"ContactID": contact_id, **body}]}),
        "POST one": lambda: xero.call("POST", f"Contacts/{contact_id}", body),
        "archive": lambda: xero.set_status(contact_id),
    }[way]()
    [element] = reply.json()["Contacts"]
    assert (element["SalesTrackingCategories"], element["PurchasesTrackingCategories"]) == ([], [])
    assert not {"HasAttachments", "Attachments", "Balances"} & set(element)
    assert [one["PhoneType"] for one in element["Phones"]] == ["DEFAULT", "DDI", "FAX", "MOBILE"]
    fields = list(element)
    assert fields.index("PurchasesTrackingCategories") + 1 == fields.index("ContactPersons")
    read = xero.contact(element["ContactID"])
    assert not {"SalesTrackingCategories", "PurchasesTrackingCategories"} & set(read)


@pytest.mark.parametrize(
    "element",
    [
        {"Name": "x" * 256},
        {"Name": ""},
        {"FirstName": "no name"},
        {"Name": "Long number", "AccountNumber": "9" * 51},
        {"Name": 7},
        {"Name": "Born archived", "ContactStatus": "ARCHIVED"},
        {"Name": "Six people", "ContactPersons": [{}] * 6},
    ],
)
def test_values_rejected_by_xero_are_rejected(xero: XeroCalls, element: dict[str, Any]) -> None:
    reply = xero.call("PUT", "Contacts", {"Contacts": [element]}, summarizeErrors="false")
    assert reply.json()["Contacts"][0]["HasValidationErrors"] is True


@pytest.mark.parametrize("body", ["text", [], [1], {"Contacts": []}, {"Contacts": "x"}])
def test_bodies_without_contacts_are_rejected(xero: XeroCalls, body: Any) -> None:
    reply = xero.call("POST", "Contacts", body)
    assert (reply.status, reply.json()["Type"]) == (400, "PostDataInvalidException")


def test_a_property_of_null_counts_as_not_sent(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Nulls", LastName="L")
    nulls = dict.fromkeys(
        (
            "Name",
            "ContactStatus",
            "ContactNumber",
            "Phones",
            "Addresses",
            "ContactPersons",
            "MergedToContactID",
        )
    )
    sent = {"ContactID": contact_id, "FirstName": "F", "LastName": None} | nulls
    edited = xero.call("POST", "Contacts", {"contacts": [sent]}, summarizeErrors="false").json()["Contacts"][
        0
    ]
    assert edited["StatusAttributeString"] == "OK"
    assert (edited["Name"], edited["FirstName"], edited["LastName"]) == ("Nulls", "F", "L")
    made = {"ContactID": None, "Name": "Made of nulls", "ContactStatus": None}
    assert xero.call("PUT", "Contacts", made).json()["Contacts"][0]["ContactStatus"] == "ACTIVE"
    xero.archive(contact_id)
    [refused] = xero.call("POST", "Contacts", sent, summarizeErrors="false").json()["Contacts"]
    assert (refused["Name"], refused["StatusAttributeString"]) == ("Nulls", "ERROR")


def test_fifty_contacts_cost_one_call(practice: PracticeXero, xero: XeroCalls) -> None:
    ids = [practice.create(f"One of fifty, {n}") for n in range(50)]
    before = practice.status_writes()
    left = int(xero.call("GET", "Organisation").headers["X-DayLimit-Remaining"])
    reply = xero.set_status(*ids)
    assert {one["ContactStatus"] for one in reply.json()["Contacts"]} == {"ARCHIVED"}
    assert int(reply.headers["X-DayLimit-Remaining"]) == left - 1
    assert practice.status_writes() == before + 50
    assert practice.requests()[-1]["statusWrites"] == 50


def test_properties_are_read_in_any_case(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Any case")
    element = {
        "contactID": contact_id,
        "FIRSTNAME": "F",
        "emailAddress": "f@mail.example",
        "phones": [{"phoneType": "FAX", "phoneNumber": "12"}],
        "addresses": [{"addresstype": "POBOX", "city": "Napier"}],
        "contactPersons": [{"firstName": "P", "includeInEmails": True}],
    }
    reply = xero.call("POST", "Contacts", {"contacts": [element]})
    assert reply.status == 200, reply.body
    found = xero.contact(contact_id)
    assert (found["FirstName"], found["EmailAddress"]) == ("F", "f@mail.example")
    assert [one["PhoneNumber"] for one in found["Phones"]] == ["", "", "12", ""]
    assert found["Addresses"][1]["City"] == "Napier"
    assert found["ContactPersons"] == [{"FirstName": "P", "IncludeInEmails": True}]
    archived = xero.call(
        "POST", "contacts", {"CONTACTS": [{"contactid": contact_id, "contactStatus": "ARCHIVED"}]}
    )
    assert archived.json()["Contacts"][0]["ContactStatus"] == "ARCHIVED"
    made = xero.call("PUT", "Contacts", {"contacts": [{"name": "Made in lower case"}]})
    assert made.json()["Contacts"][0]["Name"] == "Made in lower case"
    note = {"historyrecords": [{"details": "A note"}]}
    assert (
        xero.call("PUT", f"Contacts/{contact_id}/history", note).json()["HistoryRecords"][0]["Details"]
        == "A note"
    )
    group = xero.call("PUT", "ContactGroups", {"contactGroups": [{"name": "Lower case"}]}).json()
    group_id = group["ContactGroups"][0]["ContactGroupID"]
    members = {"contacts": [{"contactId": made.json()["Contacts"][0]["ContactID"]}]}
    assert xero.call("PUT", f"ContactGroups/{group_id}/Contacts", members).status == 200
    assert xero.call("POST", f"ContactGroups/{group_id}", {"status": "DELETED"}).status == 200
