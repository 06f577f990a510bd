"""Simulated connection problems."""

from __future__ import annotations

import gzip
import http.client
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.practice import PracticeXero
    from support.xero_calls import XeroCalls


@pytest.mark.parametrize("problem", ["minute", "day", "concurrent", "appminute"])
def test_simulated_rate_limits_have_their_headers(
    practice: PracticeXero, xero: XeroCalls, problem: str
) -> None:
    practice.fault(f"429-{problem}", count=1, retryAfter=7)
    reply = xero.call("GET", "Contacts", page=1)
    assert (reply.status, reply.body, reply.headers["Retry-After"]) == (429, b"", "7")
    assert reply.headers["X-Rate-Limit-Problem"] == problem
    assert "X-MinLimit-Remaining" in reply.headers
    assert "Content-Type" not in reply.headers
    assert xero.call("GET", "Contacts", page=1).status == 200


def test_simulated_waits_can_be_long_unknown_or_until_a_date(practice: PracticeXero, xero: XeroCalls) -> None:
    practice.fault("429-day", count=1, retryAfter=14_400)
    assert xero.call("GET", "Organisation").headers["Retry-After"] == "14400"
    practice.fault("429-day", count=1, retryAfter=None)
    assert "Retry-After" not in xero.call("GET", "Organisation").headers
    practice.fault("429-day", count=1, retryAfter=14_400, retryAsDate=True)
    until = parsedate_to_datetime(xero.call("GET", "Organisation").headers["Retry-After"])
    assert timedelta(hours=3) < until - datetime.now(UTC) <= timedelta(hours=4)


@pytest.mark.parametrize(
    ("kind", "status", "start"),
    [
        ("503", 503, b"Service"),
        ("500", 500, b"An unexpected"),
        ("offline", 503, b"The Organisation is offline"),
        ("html", 200, b"<!DOCTYPE html>"),
        ("malformed", 200, b'{"Id"'),
        ("empty-200", 200, b""),
        ("json-list", 200, b"[]"),
        ("redirect", 302, b""),
        ("bad-gzip", 200, b"not gzip"),
    ],
)
def test_simulated_bad_replies_are_sent(
    practice: PracticeXero, xero: XeroCalls, kind: str, status: int, start: bytes
) -> None:
    practice.fault(kind, count=1)
    reply = xero.call("GET", "Contacts", page=1)
    assert reply.status == status
    assert reply.body.startswith(start)
    if kind == "malformed":
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            reply.json()


def test_redirect_and_bad_gzip_have_their_headers(practice: PracticeXero, xero: XeroCalls) -> None:
    practice.fault("redirect", count=1)
    practice.fault("bad-gzip", count=1)
    assert xero.call("GET", "Organisation").headers["Location"].startswith("/identity/")
    assert xero.call("GET", "Organisation").headers["Content-Encoding"] == "gzip"


def test_cut_reply_announces_more_than_arrives(practice: PracticeXero, xero: XeroCalls) -> None:
    whole = len(xero.call("GET", "Organisation").body)
    practice.fault("cut", count=1)
    with pytest.raises(http.client.IncompleteRead) as caught:
        xero.call("GET", "Organisation")
    # Without the envelope's own id and time, whose lengths vary, the halves would be equal.
    assert len(caught.value.partial) == pytest.approx(whole / 2, abs=5)
    assert caught.value.expected == pytest.approx(whole / 2, abs=5)


@pytest.mark.parametrize("asked", ["gzip", "identity"])
def test_cut_gzip_stream_arrives_as_if_complete(practice: PracticeXero, xero: XeroCalls, asked: str) -> None:
    practice.fault("cut-gzip", count=1)
    reply = xero.call("GET", "Organisation", headers={"Accept-Encoding": asked})
    assert (reply.status, reply.headers["Content-Encoding"]) == (200, "gzip")
    unpacking = zlib.decompressobj(16 + zlib.MAX_WBITS)
    assert unpacking.decompress(reply.body).startswith(b'{"Id"')
    assert not unpacking.eof


@pytest.mark.parametrize("kind", ["cut", "cut-gzip"])
def test_write_with_a_cut_reply_is_carried_out(practice: PracticeXero, xero: XeroCalls, kind: str) -> None:
    contact_id = practice.create(f"Told by halves ({kind})")
    practice.fault(kind, method="POST", count=1)
    try:
        xero.archive(contact_id)
    except (http.client.IncompleteRead, UnicodeDecodeError):
        assert xero.contact(contact_id)["ContactStatus"] == "ARCHIVED"
    else:
        pytest.fail("the answer made sense")


@pytest.mark.parametrize(("carried_out", "after"), [(False, "ACTIVE"), (True, "ARCHIVED")])
def test_bad_reply_can_hide_a_completed_write(
    practice: PracticeXero,
    xero: XeroCalls,
    carried_out: bool,  # noqa: FBT001 - a parameter of the test
    after: str,
) -> None:
    contact_id = practice.create(f"Hidden behind a 500: {after}")
    practice.fault("500", method="POST", count=1, carriedOut=carried_out)
    assert xero.set_status(contact_id).status == 500
    assert xero.contact(contact_id)["ContactStatus"] == after


def test_large_replies_are_compressed_on_request(xero: XeroCalls) -> None:
    packed = xero.call("GET", "Contacts", headers={"Accept-Encoding": "gzip"}, page=1)
    plain = xero.call("GET", "Contacts", page=1)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert len(packed.body) * 3 < len(plain.body)
    names = [one["Name"] for one in plain.json()["Contacts"]]
    assert names
    unpacked = packed._replace(body=gzip.decompress(packed.body))
    assert [one["Name"] for one in unpacked.json()["Contacts"]] == names


@pytest.mark.parametrize(("kind", "after"), [("drop-before", "ACTIVE"), ("drop-after", "ARCHIVED")])
def test_replies_can_be_dropped_before_or_after_the_write(
    practice: PracticeXero, xero: XeroCalls, kind: str, after: str
) -> None:
    contact_id = practice.create(f"Dropped {kind}")
    practice.fault(kind, method="POST", path="/api.xro/2.0/Contacts", count=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        xero.archive(contact_id)
    assert xero.contact(contact_id)["ContactStatus"] == after
    entry = next(one for one in reversed(practice.requests()) if one["method"] == "POST")
    assert (entry["fault"], entry["status"]) == (kind, None)
    assert entry["statusWrites"] == (kind == "drop-after")


def test_lost_reply_is_replayed_by_its_key(practice: PracticeXero, xero: XeroCalls) -> None:
    contact_id = practice.create("Lost and replayed")
    practice.fault("drop-after", method="POST", count=1)
    body = {"Contacts": [{"ContactID": contact_id, "ContactStatus": "ARCHIVED"}]}
    key = {"Idempotency-Key": "lost-and-replayed"}
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        xero.call("POST", "Contacts", body, headers=key, summarizeErrors="false")
    writes = practice.status_writes()
    reply = xero.call("POST", "Contacts", body, headers=key, summarizeErrors="false")
    assert reply.json()["Contacts"][0]["StatusAttributeString"] == "OK"
    assert practice.status_writes() == writes


def test_faults_match_some_requests_and_can_be_cleared(practice: PracticeXero, xero: XeroCalls) -> None:
    practice.fault("500", path="/api.xro/2.0/Organisation")
    assert xero.call("GET", "Organisation").status == 500
    assert xero.call("GET", "Contacts", page=1).status == 200
    assert xero.call("GET", "Organisation").status == 500
    practice.clear_faults()
    assert xero.call("GET", "Organisation").status == 200


def test_random_faults_repeat_for_the_same_seed(practice: PracticeXero, xero: XeroCalls) -> None:
    rounds = []
    for _ in range(2):
        practice.fault("500", probability=0.5, seed=3)
        rounds.append([xero.call("GET", "Organisation").status for _ in range(12)])
        practice.clear_faults()
    assert rounds[0] == rounds[1]
    assert set(rounds[0]) == {200, 500}


def test_unknown_fault_is_refused_with_a_message(practice: PracticeXero) -> None:
    with pytest.raises(AssertionError, match="kind must be one of"):
        practice.fault("locusts")
