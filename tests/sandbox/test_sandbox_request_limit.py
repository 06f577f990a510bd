"""Requests of absurd size or depth get a reply, and later ones still work."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, Any

import pytest

from tui.sandbox.responses import MAX_BYTES

if TYPE_CHECKING:
    from support.practice import PracticeXero
    from support.xero_calls import XeroCalls


def _send(xero: XeroCalls, body: Any, path: str = "/api.xro/2.0/Contacts", **headers: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", xero.practice.port, timeout=20)
    known = {
        "Authorization": f"Bearer {xero.token}",
        "xero-tenant-id": xero.tenant_id,
        "Content-Type": "application/json",
    }
    try:
        chunked = "Transfer-Encoding" in headers
        connection.request("POST", path, body, known | headers, encode_chunked=chunked)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize("is_chunked", [False, True], ids=["announced", "in chunks"])
def test_a_request_beyond_the_limit_is_refused(xero: XeroCalls, *, is_chunked: bool) -> None:
    parts = [b" " * 100_000] * (MAX_BYTES // 100_000 + 1)
    headers = {"Transfer-Encoding": "chunked"} if is_chunked else {}
    assert _send(xero, iter(parts) if is_chunked else b"".join(parts), **headers) == 413
    assert xero.call("GET", "Organisation").status == 200


@pytest.mark.parametrize("length", ["9" * 4_000, str(MAX_BYTES + 1)])
def test_an_announced_size_beyond_the_limit_is_refused_unread(xero: XeroCalls, length: str) -> None:
    assert _send(xero, b"", **{"Content-Length": length}) in {400, 413}


@pytest.mark.parametrize("depth", [65, 900, 100_000])
@pytest.mark.parametrize("shape", [b"[", b'{"Contacts":[{"Name":"x","Phones":[{"PhoneType":', b'{"a":'])
def test_a_request_nested_too_deeply_is_a_400(xero: XeroCalls, shape: bytes, depth: int) -> None:
    assert _send(xero, shape + b"[" * depth) == 400
    assert _send(xero, shape + b"[" * depth + b"]" * depth) == 400


@pytest.mark.parametrize("path", ["/practice/limits", "/practice/faults"])
def test_control_endpoints_survive_deep_nesting(xero: XeroCalls, path: str) -> None:
    assert _send(xero, b"[" * 100_000, path) < 500
    assert xero.call("GET", "Organisation").status == 200


@pytest.mark.parametrize(
    "fields", [{"ContactStatus": ["x"]}, {"ContactStatus": {}}, {"Phones": [{"PhoneType": []}]}, {"Name": 7}]
)
def test_field_of_a_wrong_type_is_not_a_server_error(
    practice: PracticeXero, xero: XeroCalls, fields: dict[str, Any]
) -> None:
    contact_id = practice.create(f"Of an odd type {fields}")
    assert xero.call("POST", "Contacts", {"Contacts": [{"ContactID": contact_id, **fields}]}).status < 500
