"""The pages on which a user clicks Restore, which Xero's API lacks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from support.practice import Reply, http

if TYPE_CHECKING:
    from support.practice import PracticeXero
    from support.xero_calls import XeroCalls


def _address(practice: PracticeXero, contact_id: str, short_code: str | None = None) -> str:
    code = short_code or practice.organisations[0].short_code
    return f"{practice.pages}/app/{code}/contacts/contact/{contact_id}"


def _press(practice: PracticeXero, contact_id: str) -> Reply:
    """Click the only button of the page, as a browser without scripts would."""
    page = http("GET", _address(practice, contact_id)).body.decode()
    [action] = re.findall(r'<form method="post" action="([^"]+)">', page)
    return http("POST", practice.pages + action, form={})


def test_restore_and_archive_buttons_work(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Pressed")
    xero.archive(contact_id)
    before = xero.contact(contact_id)["UpdatedDateUTC"]
    reply = _press(practice, contact_id)
    assert reply.status == 303
    assert practice.pages + reply.headers["Location"] == _address(practice, contact_id)
    after = xero.contact(contact_id)
    assert (after["ContactStatus"], after["UpdatedDateUTC"] > before) == ("ACTIVE", True)
    assert b"This contact is active" in http("GET", _address(practice, contact_id)).body
    assert _press(practice, contact_id).status == 303
    assert xero.contact(contact_id)["ContactStatus"] == "ARCHIVED"


def test_a_short_code_may_be_percent_encoded(practice: PracticeXero) -> None:
    contact_id = practice.create("Encoded")
    code = quote(practice.organisations[0].short_code, safe="")
    assert "%21" in code
    assert http("GET", _address(practice, contact_id, code)).status == 200


def test_clicking_restore_twice_restores_once(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Pressed twice")
    xero.archive(contact_id)
    url = f"{_address(practice, contact_id)}/restore"
    assert [http("POST", url, form={}).status for _ in range(2)] == [303, 303]
    changes = [
        one["Changes"] for one in xero.call("GET", f"Contacts/{contact_id}/History").json()["HistoryRecords"]
    ]
    assert changes.count("Restored") == 1


def test_a_taken_name_is_refused(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Same name")
    xero.archive(contact_id)
    practice.create("SAME NAME")
    reply = _press(practice, contact_id)
    assert reply.status == 409
    assert b"already assigned to another contact" in reply.body
    assert xero.contact(contact_id)["ContactStatus"] == "ARCHIVED"


@pytest.mark.parametrize("deed", ["merge", "gdpr"])
def test_merged_and_gdpr_contacts_cannot_be_restored(
    practice: PracticeXero, xero: XeroCalls, deed: str
) -> None:
    contact_id, into = practice.create(f"Never back {deed}"), practice.create(f"Stays {deed}")
    practice.somebody(deed, contact_id, into=into)
    status = xero.contact(contact_id)["ContactStatus"]
    assert _press(practice, contact_id).status == 409
    assert xero.contact(contact_id)["ContactStatus"] == status != "ACTIVE"


def test_names_are_escaped_in_pages(practice: PracticeXero) -> None:
    name = '<script>alert("x")</script> & \x1b[31m \u202egpj'
    contact_id = practice.create(name)
    practice.somebody("archive", contact_id)
    for url in (
        _address(practice, contact_id),
        f"{practice.pages}/app/{practice.organisations[0].short_code}/contacts/archived?search=%3Cscript",
    ):
        reply = http("GET", url)
        text = reply.body.decode()
        assert "<script" not in text
        assert "<bdi>&lt;script&gt;" in text
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy
        assert "unsafe-inline" not in policy


def test_name_of_ten_thousand_characters_is_shown(practice: PracticeXero) -> None:
    contact_id = practice.create("Long " * 2000)
    assert len(http("GET", _address(practice, contact_id)).body) < 10_000
    # No real organisation has such a name, so it is removed before the other tests.
    practice.somebody("rename", contact_id, Name="Short again")


def test_archived_list_has_pages_and_search(practice: PracticeXero) -> None:
    for number in range(55):
        practice.somebody("archive", practice.create(f"Shelved {number:02}"))
    base = f"{practice.pages}/app/{practice.organisations[0].short_code}/contacts/archived"
    first = http("GET", f"{base}?search=shelved").body.decode()
    second = http("GET", f"{base}?search=shelved&page=2").body.decode()
    assert (first.count("Shelved "), second.count("Shelved ")) == (50, 5)
    assert ">Next<" in first
    assert ">Previous<" in second
    assert ">Next<" not in second
    assert "No archived contact matches" in http("GET", f"{base}?search=nobody+at+all").body.decode()
    assert http("GET", f"{base}?page=x").status == 200


@pytest.mark.parametrize("path", ["app/!nope/contacts/archived", "app/!nope/contacts/contact/x", "nowhere"])
def test_unknown_addresses_are_404(practice: PracticeXero, path: str) -> None:
    assert http("GET", f"{practice.pages}/{path}").status == 404
