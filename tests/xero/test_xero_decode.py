from __future__ import annotations

import json
import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.model.contact import Balances, Contact, ContactStatus
from tui.xero import decode, wire

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
    page = decode.contacts_page(page_of(element(**fields)), page=1, page_size=1000)
    assert len(page.contacts) == 1
    return page.contacts[0]


@pytest.mark.parametrize(
    "text", ["/Date(1488391422280+0000)/", "/Date(1488391422280)/", "/Date(1488391422280+1300)/"]
)
def test_a_date_is_utc_with_and_without_an_offset(text: str) -> None:
    assert wire.moment(text) == MARCH


@given(st.integers(-(10**13), 10**14))
def test_any_millisecond_comes_back_exactly(ms: int) -> None:
    since_1970 = wire.moment(f"/Date({ms}+0000)/") - datetime(1970, 1, 1, tzinfo=UTC)
    assert since_1970 == timedelta(milliseconds=ms)


@pytest.mark.parametrize("text", ["", "2017-03-01T18:03:42", "/Date()/", "/Date(12)/x", "/Date(1e9)/"])
def test_other_dates_make_no_sense(text: str) -> None:
    with pytest.raises(ValueError, match="not a date"):
        wire.moment(text)


@pytest.mark.parametrize("nothing", [{}, {"EmailAddress": ""}, {"EmailAddress": None}])
def test_missing_empty_and_null_are_alike(nothing: dict[str, Any]) -> None:
    assert read_one(**nothing).email == ""


def test_the_contact_keeps_its_json_as_received() -> None:
    contact = read_one(Name="Tūī & Söns", SomethingNew={"of": [1, 2]})
    assert json.loads(contact.raw) == element(Name="Tūī & Söns", SomethingNew={"of": [1, 2]})
    assert contact.name == "Tūī & Söns"


def test_all_fields_find_their_place() -> None:
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
def test_the_phone_is_the_default_then_the_mobile_then_the_ddi(kinds: list[str], phone: str) -> None:
    phones = [{"PhoneType": kind, "PhoneNumber": kind} for kind in kinds]
    stubs = [{"PhoneType": "DEFAULT", "PhoneNumber": "", "PhoneAreaCode": "", "PhoneCountryCode": ""}]
    assert read_one(Phones=phones).phone == phone
    assert read_one(Phones=phones + [s for s in stubs if "DEFAULT" not in kinds]).phone == phone


def test_a_phone_is_country_area_number() -> None:
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
        ("90071992547409.93", 9007199254740993), ("12", 1200), ("0", 0), ("-3.5", -350), ("1e2", 10000),
    ],
)  # fmt: skip
def test_money_is_hundredths_without_a_float_in_between(amount: str, hundredths: int) -> None:
    body = page_of(element(Balances={"AccountsReceivable": {"Outstanding": "@", "Overdue": 1.5}}))
    page = decode.contacts_page(body.replace(b'"@"', amount.encode()), page=1, page_size=1)
    assert page.contacts[0].balances == Balances(receivable=hundredths, receivable_overdue=150)


def test_no_balances_are_none_rather_than_nothing_owed() -> None:
    assert read_one().balances is None
    assert read_one(Balances={"AccountsPayable": {"Overdue": 2}}).balances == Balances(payable_overdue=200)


@pytest.mark.parametrize(
    "broken",
    [
        17, None, "text", [], {},
        element(ContactStatus="PENDING"), element(ContactStatus=None), element(UpdatedDateUTC="soon"),
        element(UpdatedDateUTC="/Date(99999999999999999999)/"), element(Name={"a": 1}), element(Phones="x"),
        element(Balances={"AccountsPayable": {"Overdue": 10**40}}),
    ],
    ids=repr,
)  # fmt: skip
def test_a_broken_element_leaves_the_others_alone(broken: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "reshelve")
    good = element(ContactID=B, Name="Secret Name Ltd")
    page = decode.contacts_page(page_of(broken, good), page=1, page_size=1000)
    assert [contact.contact_id for contact in page.contacts] == [B]
    assert caplog.messages == ["left out 1 contacts of a page that make no sense"]


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (rb"cut \ud83d", "cut \N{REPLACEMENT CHARACTER}"),
        (rb"\ude00\ud83d", "\N{REPLACEMENT CHARACTER}" * 2),
        (rb"\ud83d\ude00 \ud83d", "\N{GRINNING FACE} \N{REPLACEMENT CHARACTER}"),
        (rb"\\ud83d \ud83d", "\\ud83d \N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_name_cut_in_the_middle_of_an_emoji_is_mended(written: bytes, name: str) -> None:
    body = page_of(element(Name="@"), element(ContactID=B)).replace(b"@", written)
    first, second = decode.contacts_page(body, page=1, page_size=1000).contacts
    assert (first.name, second.contact_id) == (name, B)


@pytest.mark.parametrize("amount", ["1e999999999", "-1e400", "NaN"])
def test_an_amount_beyond_reason_does_no_harm(amount: str) -> None:
    body = page_of(element(Balances={"AccountsPayable": {"Overdue": "@"}}), element(ContactID=B))
    body = body.replace(b'"@"', amount.encode() if amount != "NaN" else b'"NaN"')
    page = decode.contacts_page(body, page=1, page_size=1000)
    assert [contact.contact_id for contact in page.contacts] == [B]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b"<html>", b'{"Contacts":{}}', b"\xff\xfe", b"null"]
)
def test_an_answer_that_makes_no_sense_is_said_to(body: bytes) -> None:
    with pytest.raises(decode.UndecodableError):
        decode.contacts_page(body, page=1, page_size=1000)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(body: bytes) -> None:
    for wrapped in (body, b'{"Contacts":[' + body + b"]}"):
        try:
            decode.contacts_page(wrapped, page=1, page_size=1)
            decode.bulk_answer(wrapped, [A])
        except decode.UndecodableError:
            continue


def test_the_page_is_told_by_the_envelope() -> None:
    block = {"page": 3, "pageSize": 2, "pageCount": 7, "itemCount": 14}
    body = page_of(element(), pagination=block, DateTimeUTC="/Date(1488391422280)/")
    page = decode.contacts_page(body, page=3, page_size=2, date_header="Sun, 06 Nov 1994 08:49:37 GMT")
    assert (page.page, page.page_count, page.item_count, page.answered_at) == (3, 7, 14, MARCH)


def test_without_a_pagination_block_a_full_page_may_have_a_follower() -> None:
    assert decode.contacts_page(page_of(element()), page=4, page_size=1).page_count == 5
    assert decode.contacts_page(page_of(element()), page=4, page_size=2).page_count == 4


def test_without_a_date_in_the_envelope_the_header_tells_xeros_time() -> None:
    page = decode.contacts_page(page_of(), page=1, page_size=1, date_header="Sun, 06 Nov 1994 08:49:37 GMT")
    assert page.answered_at == datetime(1994, 11, 6, 8, 49, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    "header",
    ["", "soon", "Sun, 99 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 -0000"],
)
def test_without_any_date_this_machine_tells_the_time(header: str) -> None:
    before = datetime.now(UTC)
    page = decode.contacts_page(page_of(), page=1, page_size=1, date_header=header)
    assert before <= page.answered_at <= datetime.now(UTC)


WORDS = "The specified contact details matched an archived contact."


def test_each_element_of_a_bulk_write_is_judged_alone() -> None:
    ok = element(StatusAttributeString="OK", HasValidationErrors=False, ContactStatus="ARCHIVED")
    stub = {
        "ContactID": B, "StatusAttributeString": "ERROR", "HasValidationErrors": True,
        "ValidationErrors": [{"Message": WORDS}, {"Message": "And more."}],
    }  # fmt: skip
    first, second = decode.bulk_answer(page_of(ok, stub), [A, B])
    assert first.contact is not None
    assert (first.contact.status, first.words) == (ContactStatus.ARCHIVED, "")
    assert (second.contact_id, second.contact, second.words) == (B, None, f"{WORDS} And more.")


@pytest.mark.parametrize(
    "sign",
    [
        {"StatusAttributeString": "ERROR"},
        {"HasValidationErrors": True},
        {"ValidationErrors": [{"Message": WORDS}]},
    ],
)
def test_any_sign_of_an_error_makes_a_stub(sign: dict[str, Any]) -> None:
    (one,) = decode.bulk_answer(page_of(element(**sign)), [A])
    assert one.contact is None


def test_a_stub_without_an_id_is_known_by_its_place() -> None:
    nameless = {"HasValidationErrors": True, "ContactID": "00000000-0000-0000-0000-000000000000"}
    judged = decode.bulk_answer(page_of(element(), nameless, {"HasValidationErrors": True}), [A, B, "c"])
    assert [one.contact_id for one in judged] == [A, B, "c"]


def test_a_stub_that_no_place_can_tell_is_left_out() -> None:
    assert decode.bulk_answer(page_of({"HasValidationErrors": True}), [A, B]) == []


@pytest.mark.parametrize("broken", [17, {"ContactID": A}, element(ContactStatus="NEW"), {"ContactID": 3}])
def test_an_element_that_makes_no_sense_has_to_be_read_again(broken: Any) -> None:
    (one,) = decode.bulk_answer(page_of(broken), [A])
    assert (one.contact_id, one.contact, one.words) == (A, None, "")


def test_the_organisation_is_read() -> None:
    body = b'{"Organisations":[{"Name":"N","ShortCode":"!x","BaseCurrency":"NZD","IsDemoCompany":true}]}'
    details = decode.organisation(body)
    assert (details.name, details.short_code, details.base_currency) == ("N", "!x", "NZD")
    assert (details.timezone, details.is_demo) == ("", True)
    with pytest.raises(decode.UndecodableError):
        decode.organisation(b'{"Organisations":[]}')


def test_history_has_its_moments_in_words() -> None:
    body = b"""{"HistoryRecords":[
        {"Changes":"Edited","DateUTC":"/Date(1488391422280+0000)/","User":"Ana","Details":"Archived"},
        {"Changes":"Note","DateUTCString":"2017-03-01T18:03:42"}]}"""
    first, second = decode.history(body)
    expected = MARCH.astimezone()
    assert first.when == f"{expected.day} {expected:%b %Y %H:%M}"
    assert (first.user, first.what, first.details) == ("Ana", "Edited", "Archived")
    assert (second.when, second.what, second.user) == ("2017-03-01T18:03:42", "Note", "")
