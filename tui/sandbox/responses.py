"""Responses of the Accounting API: the envelope, and every kind of error."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from tui.sandbox.books import new_id
from tui.sandbox.clock import xero_date

JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"
PROVIDER = "Reshelve practice"

encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class ApiResponse:
    """One HTTP response."""

    status: int
    body: bytes = b""
    content_type: str | None = JSON
    headers: dict[str, str] = field(default_factory=dict)


class ApiError(Exception):
    """Ends a call with a 400 in Xero's `Error` format (OpenAPI, v16.1)."""

    def __init__(self, number: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.number = number
        self.kind = kind

    def answer(self) -> ApiResponse:
        """Return the response."""
        return ApiResponse(400, encode({"ErrorNumber": self.number, "Type": self.kind, "Message": str(self)}))


class EvaluationError(Exception):
    """Ends a call with the 500 seen for a filter that calls a method on an empty field."""


class UnknownIdError(Exception):
    """Ends a call with the empty HTML 404 seen for an id that the organisation never issued."""


def validation(message: str) -> ApiError:
    """Return the error for a whole call, with a reason that belongs to no element."""
    return ApiError(10, "ValidationException", message)


def query_error(message: str) -> ApiError:
    """Return the error for an invalid `where`, `order` or page."""
    return ApiError(16, "QueryParseException", message)


def server_error() -> ApiResponse:
    """Return the 500 seen if Xero's own evaluation of a request fails."""
    detail = (
        "An error occurred in Xero. "
        "Check the API Status page http://status.developer.xero.com for current service status."
    )
    title = "An error occurred"
    return ApiResponse(500, encode({"Title": title, "Detail": detail, "Status": 500, "Instance": new_id()}))


def unreadable_body(message: str) -> ApiError:
    """Return the error for a body that the endpoint can't parse."""
    return ApiError(17, "PostDataInvalidException", message)


def high_volume() -> ApiError:
    """Return the error for an unoptimised request over 100,000 contacts (according to Xero)."""
    message = (
        "You are requesting a high volume of records. "
        "Please use paging and only optimised filters and orders for this organisation."
    )
    return ApiError(51, "HighVolumeException", message)


def invalid_elements(elements: list[dict[str, Any]]) -> ApiResponse:
    """Return the 400 for a call with invalid elements, if it was sent without `summarizeErrors=false`."""
    return ApiResponse(
        400,
        encode(
            {
                "ErrorNumber": 10,
                "Type": "ValidationException",
                "Message": "A validation exception occurred",
                "Elements": elements,
            }
        ),
    )


def envelope(
    now: int, name: str, items: list[bytes], pagination: dict[str, int] | None = None
) -> ApiResponse:
    """Wrap encoded JSON items as in every successful response; only `pagination` is lower case.

    `now` is in milliseconds since 1970.
    """
    head: dict[str, Any] = {
        "Id": new_id(),
        "Status": "OK",
        "ProviderName": PROVIDER,
        "DateTimeUTC": xero_date(now, offset=False),
    }
    if pagination is not None:
        head["pagination"] = pagination
    body = b"".join((encode(head)[:-1], b',"', name.encode(), b'":[', b",".join(items), b"]}"))
    return ApiResponse(200, body)


def forbidden() -> ApiResponse:
    """Return the 403 seen for an organisation that isn't connected and for a missing scope."""
    return _problem(403, "Forbidden", "AuthenticationUnsuccessful")


def unauthorized(detail: str) -> ApiResponse:
    """Return the 401 seen for an invalid access token; the detail is the reason."""
    return _problem(401, "Unauthorized", detail, Extensions={})


def _problem(status: int, title: str, detail: str, **more: Any) -> ApiResponse:
    shape = {"Type": None, "Title": title, "Status": status, "Detail": detail, "Instance": new_id()}
    return ApiResponse(status, encode(shape | more))


def not_found() -> ApiResponse:
    """Return the 404 seen for an unknown ContactID: HTML, and empty."""
    return ApiResponse(404, b"", HTML)


def too_many(problem_name: str, retry_after: int) -> ApiResponse:
    """Return the 429 as seen: no body, no content type, everything in the headers."""
    return ApiResponse(
        429, b"", None, {"Retry-After": str(retry_after), "X-Rate-Limit-Problem": problem_name}
    )
