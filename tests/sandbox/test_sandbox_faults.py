"""Bad weather to order."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.practice import PracticeXero
    from support.xero_calls import XeroCalls


@pytest.mark.parametrize(("kind", "problem"), [("429-minute", "minute"), ("429-day", "day")])
def test_rate_limits(practice: PracticeXero, xero: XeroCalls, kind: str, problem: str) -> None:
    practice.fault(kind, count=1, retryAfter=7)
    reply = xero.call("GET", "Contacts", page=1)
    assert (reply.status, reply.body, reply.headers["Retry-After"]) == (429, b"", "7")
    assert reply.headers["X-Rate-Limit-Problem"] == problem
    assert "X-MinLimit-Remaining" in reply.headers
    assert xero.call("GET", "Contacts", page=1).status == 200


@pytest.mark.parametrize(
    ("kind", "status", "start"),
    [
        ("503", 503, b"Service"),
        ("500", 500, b"An unexpected"),
        ("offline", 503, b"The Organisation is offline"),
        ("html", 200, b"<!DOCTYPE html>"),
        ("malformed", 200, b'{"Id"'),
    ],
)
def test_bad_answers(practice: PracticeXero, xero: XeroCalls, kind: str, status: int, start: bytes) -> None:
    practice.fault(kind, count=1)
    reply = xero.call("GET", "Contacts", page=1)
    assert reply.status == status
    assert reply.body.startswith(start)
    if kind == "malformed":
        with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
            reply.json()


@pytest.mark.parametrize(("kind", "after"), [("drop-before", "ACTIVE"), ("drop-after", "ARCHIVED")])
def test_dropped_answers(practice: PracticeXero, xero: XeroCalls, kind: str, after: str) -> None:
    contact_id = practice.create(f"Dropped {kind}")
    practice.fault(kind, method="POST", path="/api.xro/2.0/Contacts", count=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        xero.archive(contact_id)
    assert xero.contact(contact_id)["ContactStatus"] == after
    entry = next(one for one in reversed(practice.requests()) if one["method"] == "POST")
    assert (entry["fault"], entry["status"]) == (kind, None)
    assert entry["statusWrites"] == (kind == "drop-after")


def test_an_answer_lost_once_is_replayed_by_its_key(practice: PracticeXero, xero: XeroCalls) -> None:
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


def test_rules_are_for_some_requests_and_can_be_cleared(practice: PracticeXero, xero: XeroCalls) -> None:
    practice.fault("500", path="/api.xro/2.0/Organisation")
    assert xero.call("GET", "Organisation").status == 500
    assert xero.call("GET", "Contacts", page=1).status == 200
    assert xero.call("GET", "Organisation").status == 500
    practice.clear_faults()
    assert xero.call("GET", "Organisation").status == 200


def test_chances_are_the_same_for_the_same_seed(practice: PracticeXero, xero: XeroCalls) -> None:
    rounds = []
    for _ in range(2):
        practice.fault("500", probability=0.5, seed=3)
        rounds.append([xero.call("GET", "Organisation").status for _ in range(12)])
        practice.clear_faults()
    assert rounds[0] == rounds[1]
    assert set(rounds[0]) == {200, 500}


def test_an_unknown_fault_is_refused_in_words(practice: PracticeXero) -> None:
    with pytest.raises(AssertionError, match="kind must be one of"):
        practice.fault("locusts")
