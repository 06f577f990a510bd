from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tui.model.contact import Balances, Contact, ContactStatus
from tui.net import lenient_json
from tui.net.lenient_json import UndecodableError
from tui.xero import parsing

MARCH = datetime(2017, 3, 1, 18, 3, 42, 280000, tzinfo=UTC)
A, B = "5f4cbf2c-0000-4000-8000-00000000000a", "5f4cbf2c-0000-4000-8000-00000000000b"


def element(**fields: Any) -> dict[str, Any]:
    return {
        "ContactID": A,
        "ContactStatus": "ACTIVE",
        "UpdatedDateUTC": "/Date(1488391422280+0000)/",
        **fields,
    }


def page_of(*elements: Any, **envelope: Any) -> bytes:
    return json.dumps({"Contacts": list(elements), **envelope}).encode()


def read_one(**fields: Any) -> Contact:
    page = parsing.contacts_page(page_of(element(**fields)), page=1, page_size=1000)
    assert len(page.contacts) == 1
    return page.contacts[0]


@pytest.mark.parametrize(
    "text", ["/Date(1488391422280+0000)/", "/Date(1488391422280)/", "/Date(1488391422280+1300)/"]
)
def test_a_date_is_utc_with_and_without_an_offset(text: str) -> None:
    assert parsing.parse_json_date(text) == MARCH


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TOO_LATE_MS = (datetime(2200, 1, 1, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)


@given(st.integers(0, TOO_LATE_MS - 1))
def test_every_millisecond_round_trips(ms: int) -> None:
    moment = parsing.parse_json_date(f"/Date({ms}+0000)/")
    assert moment is not None
    assert moment - EPOCH == timedelta(milliseconds=ms)


@pytest.mark.parametrize(
    "text",
    [
        None, "", "2017-03-01T18:03:42", "/Date()/", "/Date(12)/x", "/Date(1e9)/", f"/Date({'9' * 5000})/",
        "/Date(-1)/", f"/Date({TOO_LATE_MS})/", "/Date(253402300799999)/", "/Date(-62135596800000)/",
    ],
)  # fmt: skip
def test_other_dates_are_unknown(text: str | None) -> None:
    assert parsing.parse_json_date(text) is None


@pytest.mark.parametrize("nothing", [{}, {"EmailAddress": ""}, {"EmailAddress": None}])
def test_missing_empty_and_null_mean_the_same(nothing: dict[str, Any]) -> None:
    assert read_one(**nothing).email == ""


def test_the_contact_keeps_its_json_as_received() -> None:
    contact = read_one(Name="Tūī & Söns", SomethingNew={"of": [1, 2]})
    assert json.loads(contact.raw) == element(Name="Tūī & Söns", SomethingNew={"of": [1, 2]})
    assert contact.name == "Tūī & Söns"


def test_all_fields_are_parsed() -> None:
    contact = read_one(
        Name="n", FirstName="f", LastName="l", EmailAddress="e", AccountNumber="an", ContactNumber="cn",
        IsCustomer=True, IsSupplier=True, MergedToContactID=B, ContactStatus="GDPRREQUEST",
        ContactGroups=[{"Name": "Tenants", "Status": "ACTIVE"}, {"Name": ""}],
    )  # fmt: skip
    assert (contact.name, contact.first_name, contact.last_name, contact.email) == ("n", "f", "l", "e")
    assert (contact.account_number, contact.contact_number) == ("an", "cn")
    assert (contact.is_customer, contact.is_supplier) == (True, True)
    assert (contact.merged_to, contact.status) == (B, ContactStatus.GDPRREQUEST)
    assert (contact.groups, contact.updated_at) == (("Tenants",), MARCH)


@pytest.mark.parametrize(
    ("kinds", "phone"),
    [
        (["DDI", "MOBILE", "DEFAULT"], "DEFAULT"),
        (["DDI", "MOBILE", "FAX"], "MOBILE"),
        (["FAX", "DDI"], "DDI"),
        (["FAX"], ""),
    ],
)
def test_phone_is_the_default_then_the_mobile_then_the_direct_line(kinds: list[str], phone: str) -> None:
    phones = [{"PhoneType": kind, "PhoneNumber": kind} for kind in kinds]
    stubs = [{"PhoneType": "DEFAULT", "PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""}]
    assert read_one(Phones=phones).phone == phone
    assert read_one(Phones=phones + [s for s in stubs if "DEFAULT" not in kinds]).phone == phone


def test_phone_joins_country_area_and_number() -> None:
    slot = {
        "PhoneType": "DEFAULT",
        "PhoneNumber": "1234567",
        "PhoneAreaCode": "9",
        "PhoneCountryCode": "64",
    }
    assert read_one(Phones=[slot]).phone == "64 9 1234567"
    assert read_one(Phones=[slot | {"PhoneAreaCode": ""}]).phone == "64 1234567"


@pytest.mark.parametrize(
    ("amount", "hundredths"),
    [
        ("0.1", 10), ("1.005", 101), ("-1.005", -101), ("0.29", 29), ("1.15", 115),
        ("90071992547409.93", 9007199254740993), ("1e-999999999", 0), ("12", 1200),
        ("0", 0), ("-3.5", -350), ("1e2", 10000),
    ],
)  # fmt: skip
def test_money_is_parsed_to_cents_without_floats(amount: str, hundredths: int) -> None:
    body = page_of(element(Balances={"AccountsReceivable": {"Outstanding": "@", "Overdue": 1.5}}))
    page = parsing.contacts_page(body.replace(b'"@"', amount.encode()), page=1, page_size=1)
    assert page.contacts[0].balances == Balances(receivable=hundredths, receivable_overdue=150)


def test_missing_balances_are_unknown_rather_than_zero() -> None:
    assert read_one().balances is None
    assert read_one(Balances={"AccountsPayable": {"Overdue": 2}}).balances == Balances(payable_overdue=200)


@pytest.mark.parametrize(
    "broken",
    [
        17, None, "text", [], {},
        element(ContactStatus="PENDING"), element(ContactStatus=None), element(UpdatedDateUTC="soon"),
        element(UpdatedDateUTC="/Date(99999999999999999999)/"), element(UpdatedDateUTC=1488391422280),
        element(UpdatedDateUTC="/Date(253402300799999)/"), element(UpdatedDateUTC="/Date(-62135596800000)/"),
        element(ContactID=""), element(ContactID="x" * 129), element(ContactID=None),
        element(ContactStatus="DELETED"),
    ],
    ids=repr,
)  # fmt: skip
def test_broken_contact_leaves_the_others_readable(broken: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "reshelve")
    good = element(ContactID=B, Name="Secret Name Ltd")
    page = parsing.contacts_page(page_of(broken, good), page=1, page_size=1000)
    assert [contact.contact_id for contact in page.contacts] == [B]
    assert page.unreadable_count == 1
    id_or_mark = A if isinstance(broken, dict) and broken.get("ContactID") == A else "no id "
    assert all(id_or_mark in text for text in (page.unreadable_ids[0], *caplog.messages))
    assert "Secret" not in caplog.text


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (rb"cut \ud83d", "cut \N{REPLACEMENT CHARACTER}"),
        (rb"\ude00\ud83d", "\N{REPLACEMENT CHARACTER}" * 2),
        (rb"\ud83d\ude00 \ud83d", "\N{GRINNING FACE} \N{REPLACEMENT CHARACTER}"),
        (rb"\\ud83d \ud83d", "\\ud83d \N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_name_cut_in_the_middle_of_an_emoji_is_repaired(written: bytes, name: str) -> None:
    body = page_of(element(Name="@"), element(ContactID=B)).replace(b"@", written)
    first, second = parsing.contacts_page(body, page=1, page_size=1000).contacts
    assert (first.name, second.contact_id) == (name, B)


AMOUNTS = [
    "1e22", "-1e22", "1e400", "-1e400", "1e999999999", "9" * 5000, "NaN", "-Infinity", '"NaN"', '"Infinity"',
    '"sNaN"', '"much"', "true", "[]", "{}",
]  # fmt: skip


@pytest.mark.parametrize("amount", AMOUNTS)
def test_unreadable_balance_makes_only_its_own_contacts_balances_unknown(amount: str) -> None:
    owing = {"AccountsReceivable": {"Outstanding": 12.34}}
    body = page_of(
        element(Name="N", Balances={"AccountsPayable": {"Overdue": "@"}, **owing}),
        element(ContactID=B, Balances=owing),
    ).replace(b'"@"', amount.encode())
    first, second = parsing.contacts_page(body, page=1, page_size=1000).contacts
    assert (first.name, first.balances) == ("N", None)
    assert second.balances == Balances(receivable=1234)


TEXTS = [
    "Name", "FirstName", "LastName", "EmailAddress", "AccountNumber", "ContactNumber", "MergedToContactID",
]  # fmt: skip
ODD_TEXTS: list[Any] = [77, 1.5, True, ["x"], [None], {"a": 1}, 10**400, "x" * 40_000]
ODD_LISTS: list[Any] = ["x", 7, True, {}, {"a": 1}, [None], [7], ["x"], [[]], [None, {"Unknown": 1}]]
DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("name", TEXTS)
def test_text_of_another_type_is_missing_and_the_others_are_read(name: str) -> None:
    others = {other: f"value of {other}" for other in TEXTS if other != name} | {"MergedToContactID": B}
    others.pop(name, None)
    expected = read_one(**others)
    for odd in ODD_TEXTS:
        assert replace(read_one(**others, **{name: odd}), raw=b"") == replace(expected, raw=b"")


@pytest.mark.parametrize(
    "odd", ["odd", "\ufffd", "null", "00000000-0000-0000-0000-000000000000", f"{B} ", A[:-1]]
)
def test_merged_into_is_read_only_with_an_id(odd: str) -> None:
    # A merged contact is refused for good.
    assert read_one(MergedToContactID=odd).merged_to == ""


def test_document_too_costly_to_repair_is_undecodable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lenient_json, "_MOST_TOKENS", 1_000, raising=False)
    few, many = (b'{"Message": "m", "Odd": [NaN%b]}' % (b",[]" * count) for count in (400, 600))
    assert lenient_json.decode(few, parsing.Problem).message == "m"
    with pytest.raises(UndecodableError):
        lenient_json.decode(many, parsing.Problem)


@pytest.mark.parametrize("name", ["IsCustomer", "IsSupplier"])
@pytest.mark.parametrize("odd", ["true", "", 1, 0, [], {}, [True]], ids=repr)
def test_a_flag_of_another_type_is_missing(name: str, odd: Any) -> None:
    contact = read_one(Name="N", **{name: odd})
    assert (contact.name, contact.is_customer, contact.is_supplier) == ("N", False, False)


@pytest.mark.parametrize(
    "name", ["Phones", "ContactGroups", "Addresses", "ContactPersons", "SalesTrackingCategories"]
)
@pytest.mark.parametrize("odd", ODD_LISTS, ids=repr)
def test_list_of_invalid_items_is_empty(name: str, odd: Any) -> None:
    contact = read_one(Name="N", EmailAddress="e", **{name: odd})
    assert (contact.name, contact.email, contact.phone, contact.groups) == ("N", "e", "", ())


def test_readable_items_of_a_list_are_kept() -> None:
    groups = [None, {"Name": "Tenants", "Status": 7}, "Owners", {"Name": 7}, {"Name": "Agents"}]
    phones = [
        None,
        {"PhoneType": "DEFAULT", "PhoneNumber": 1234567},
        {"PhoneType": "MOBILE", "PhoneNumber": "21", "PhoneAreaCode": 9},
        {"PhoneType": ["FAX"], "PhoneNumber": "1"},
    ]
    contact = read_one(ContactGroups=groups, Phones=phones)
    assert (contact.groups, contact.phone) == (("Tenants", "Agents"), "21")


@pytest.mark.parametrize(
    "written",
    [
        b'"Unknown": ' + DEEP.encode(), b'"ContactGroups": ' + DEEP.encode(), b'"Name": ' + DEEP.encode(),
        b'"Discount": NaN', b'"Discount": -Infinity', b'"Discount": ' + b"9" * 5000,
        b'"FirstName": "caf\xe9"', b'"FirstName": "a\nb"', b'"FirstName": "\\ud83d"',
    ],
    ids=lambda written: repr(written[:30]),
)  # fmt: skip
def test_damage_within_one_contact_hides_no_contact(written: bytes) -> None:
    body = page_of(element(LastName="L", X="@"), element(ContactID=B, Name="N")).replace(b'"X": "@"', written)
    first, second = parsing.contacts_page(body, page=1, page_size=1000).contacts
    assert (first.contact_id, first.last_name, second.name) == (A, "L", "N")


ODD_PAGINATIONS: list[Any] = [
    None, 7, "x", [], {}, {"page": 1}, {"page": "1", "pageCount": 1, "itemCount": 1},
    {"page": 1, "pageCount": -1, "itemCount": 1}, {"page": 1, "pageCount": 10**30, "itemCount": 1},
]  # fmt: skip
ODD_DATES: list[Any] = [
    None, 7, [], {}, "noon", "/Date(253402300799999)/", "/Date(-62135596800000)/", "/Date(1e9)/",
]  # fmt: skip
ODD_ENVELOPES: list[dict[str, Any]] = [
    *({"pagination": odd} for odd in ODD_PAGINATIONS),
    *({"DateTimeUTC": odd} for odd in ODD_DATES),
]


@pytest.mark.parametrize("envelope", ODD_ENVELOPES, ids=repr)
def test_damage_to_the_envelope_hides_no_contact(envelope: dict[str, Any]) -> None:
    before = datetime.now(UTC)
    page = parsing.contacts_page(page_of(element(), **envelope), page=1, page_size=1000)
    assert ([one.contact_id for one in page.contacts], page.page_count) == ([A], 1)
    assert before <= page.answered_at <= datetime.now(UTC)


def test_empty_page_that_should_have_contacts_is_an_error() -> None:
    block = {"page": 2, "pageSize": 1000, "pageCount": 2, "itemCount": 1001}
    with pytest.raises(UndecodableError):
        parsing.contacts_page(page_of(pagination=block), page=2, page_size=1000)
    # A page is rightly empty if its contacts were deleted meanwhile.
    assert (
        parsing.contacts_page(
            page_of(pagination=block | {"itemCount": 1000}), page=2, page_size=1000
        ).contacts
        == ()
    )


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b"<html>", b'{"Contacts":{}}', b"\xff\xfe", b"null"]
)
def test_an_invalid_reply_is_an_unexpected_reply(body: bytes) -> None:
    with pytest.raises(UndecodableError):
        parsing.contacts_page(body, page=1, page_size=1000)


@given(st.binary(max_size=200))
def test_any_bytes_raise_only_the_documented_errors(body: bytes) -> None:
    for wrapped in (body, b'{"Contacts":[' + body + b"]}"):
        try:
            parsing.contacts_page(wrapped, page=1, page_size=1)
            parsing.bulk_answer(wrapped, [A])
        except UndecodableError:
            continue


def test_the_page_count_comes_from_the_envelope() -> None:
    block = {"page": 3, "pageSize": 2, "pageCount": 7, "itemCount": 14}
    body = page_of(element(), pagination=block, DateTimeUTC="/Date(1488391422280)/")
    page = parsing.contacts_page(body, page=3, page_size=2, date_header="Sun, 06 Nov 1994 08:49:37 GMT")
    assert (page.page, page.page_count, page.item_count, page.answered_at) == (3, 7, 14, MARCH)


def test_without_a_pagination_block_a_full_page_may_not_be_the_last() -> None:
    assert parsing.contacts_page(page_of(element()), page=4, page_size=1).page_count == 5
    assert parsing.contacts_page(page_of(element()), page=4, page_size=2).page_count == 4


def test_header_gives_xeros_time_if_the_envelope_has_none() -> None:
    page = parsing.contacts_page(page_of(), page=1, page_size=1, date_header="Sun, 06 Nov 1994 08:49:37 GMT")
    assert page.answered_at == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "header",
    ["", "soon", "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 -0000"],
)
def test_this_computers_time_is_used_without_any_date(header: str) -> None:
    before = datetime.now(UTC)
    page = parsing.contacts_page(page_of(), page=1, page_size=1, date_header=header)
    assert before <= page.answered_at <= datetime.now(UTC)


WORDS = "The specified contact details matched an archived contact."


def test_each_element_of_a_bulk_write_is_judged_separately() -> None:
    ok = element(StatusAttributeString="OK", HasValidationErrors=False, ContactStatus="ARCHIVED")
    stub = {
        "ContactID": B, "StatusAttributeString": "ERROR", "HasValidationErrors": True,
        "ValidationErrors": [{"Message": WORDS}, {"Message": "And more."}],
    }  # fmt: skip
    first, second = parsing.bulk_answer(page_of(ok, stub), [A, B])
    assert first.contact is not None
    assert (first.contact.status, first.message) == (ContactStatus.ARCHIVED, "")
    assert (second.contact_id, second.contact, second.message) == (B, None, f"{WORDS} And more.")


@pytest.mark.parametrize(
    "sign",
    [
        {"StatusAttributeString": "ERROR"},
        {"HasValidationErrors": True},
        {"ValidationErrors": [{"Message": WORDS}]},
    ],
)
def test_any_sign_of_an_error_makes_an_error_element(sign: dict[str, Any]) -> None:
    (one,) = parsing.bulk_answer(page_of(element(**sign)), [A])
    assert one.contact is None


def test_error_element_without_an_id_is_identified_by_position() -> None:
    nameless = {"HasValidationErrors": True, "ContactID": "00000000-0000-0000-0000-000000000000"}
    judged = parsing.bulk_answer(page_of(element(), nameless, {"HasValidationErrors": True}), [A, B, "c"])
    assert [one.contact_id for one in judged] == [A, B, "c"]


def test_error_element_that_position_cannot_identify_is_ignored() -> None:
    assert parsing.bulk_answer(page_of({"HasValidationErrors": True}), [A, B]) == []


@pytest.mark.parametrize(
    "odd",
    [
        {"ValidationErrors": [None, {"Message": 7}, {"Message": WORDS}]},
        {"ValidationErrors": {"a": 1}, "HasValidationErrors": True},
    ],
)
def test_xeros_message_is_found_among_invalid_fields(odd: dict[str, Any]) -> None:
    (one,) = parsing.bulk_answer(page_of(element(Name=7, **odd)), [A])
    assert one.contact is None
    assert one.message in {"", WORDS}


def test_an_element_with_a_field_of_a_wrong_type_is_judged_by_its_status() -> None:
    sent = element(ContactStatus="ARCHIVED", AccountNumber=77, ContactGroups=[None], HasValidationErrors="no")
    (one,) = parsing.bulk_answer(page_of(sent), [A])
    assert one.contact is not None
    assert one.contact.status is ContactStatus.ARCHIVED


@pytest.mark.parametrize("broken", [17, {"ContactID": A}, element(ContactStatus="NEW"), {"ContactID": 3}])
def test_senseless_element_has_to_be_read_again(broken: Any) -> None:
    (one,) = parsing.bulk_answer(page_of(broken), [A])
    assert (one.contact_id, one.contact, one.message) == (A, None, "")


def test_the_organisation_is_read() -> None:
    body = b'{"Organisations":[{"Name":"N","ShortCode":"!x","BaseCurrency":"NZD","IsDemoCompany":true}]}'
    details = parsing.organisation(body)
    assert (details.name, details.short_code, details.base_currency) == ("N", "!x", "NZD")
    assert (details.timezone, details.is_demo) == ("", True)
    with pytest.raises(UndecodableError):
        parsing.organisation(b'{"Organisations":[]}')


def test_history_entries_have_times() -> None:
    body = b"""{"HistoryRecords":[
        {"Changes":"Edited","DateUTC":"/Date(1488391422280+0000)/","User":"Ana","Details":"Archived"},
        {"Changes":"Note","DateUTCString":"2017-03-01T18:03:42"}]}"""
    first, second = parsing.history(body)
    assert first.when == MARCH
    assert (first.user, first.event, first.details) == ("Ana", "Edited", "Archived")
    assert second.when == datetime(2017, 3, 1, 18, 3, 42, tzinfo=UTC)
    assert (second.event, second.user) == ("Note", "")


@pytest.mark.parametrize("name", ["Name", "ShortCode", "BaseCurrency", "Timezone", "OrganisationID"])
def test_an_organisation_with_an_odd_field_is_read(name: str) -> None:
    fields = {"Name": "N", "ShortCode": "!x", "BaseCurrency": "NZD", "Timezone": "T", "OrganisationID": "o"}
    body = json.dumps({"Organisations": [None, {**fields, name: ["odd"], "IsDemoCompany": "true"}]}).encode()
    details = parsing.organisation(body)
    found = [
        details.name,
        details.short_code,
        details.base_currency,
        details.timezone,
        details.organisation_id,
    ]
    assert sorted(found) == sorted(["", *(value for key, value in fields.items() if key != name)])
    assert details.is_demo is False


@pytest.mark.parametrize("date", [7, None, [], "/Date(253402300799999)/", "/Date(-62135596800000)/", "x"])
def test_history_with_odd_fields_is_read(date: Any) -> None:
    records = [None, 7, {"Changes": "Edited", "DateUTC": date, "User": 7, "Details": ["x"]}]
    (line,) = parsing.history(json.dumps({"HistoryRecords": records}).encode())
    assert (line.when, line.event, line.user, line.details) == (None, "Edited", "", "")
