"""The page on which a person lets an app into organisations."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from tui.sandbox.books import new_id
from tui.sandbox.context import practice_of
from tui.sandbox.html import isolated, page, said
from tui.sandbox.oauth.endpoints import connect
from tui.sandbox.oauth.scopes import SCOPES
from tui.sandbox.oauth.tokens import CLIENT_ID, Consent

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.requests import Request

    from tui.sandbox.context import PracticeServices

_CARRIED = (
    "response_type", "client_id", "redirect_uri", "state", "scope", "nonce", "code_challenge",
    "code_challenge_method",
)  # fmt: skip
# A S256 challenge is 32 bytes in unpadded base64url (RFC 7636).
_CHALLENGE_LENGTH = 43
_ERROR_PAGE = "/identity/error"
_NO_STORE = {"Cache-Control": "no-store"}
# Xero's own words for the first two (seen).
_MISTAKES = {
    "client": "unauthorized_client : Unknown client or client not enabled",
    "redirect": "unauthorized_client : Invalid redirect_uri",
    "response_type": "unsupported_response_type",
    "challenge": "invalid_request : code challenge required",
    "scope": "invalid_scope",
}


async def authorize(request: Request) -> Response:
    """`GET /identity/connect/authorize`: ask the person.

    A question that makes no sense leads to Xero's error page, and never back to the app (seen).
    """
    asked = request.query_params
    mistake = _mistake(asked)
    if mistake:
        return _to_error_page(mistake)
    practice = practice_of(request)
    return _consent(practice, asked, {one.tenant_id for one in practice.books.organisations})


async def decide(request: Request) -> Response:
    """Take the person's answer and go back to the app with a code, or with `access_denied`.

    Who allows access has to choose an organisation; without one the page is shown again.
    """
    pairs = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    asked = dict(pairs)
    mistake = _mistake(asked)
    if mistake:
        return _to_error_page(mistake)
    if asked.get("decision") != "allow":
        return _back(asked, {"error": "access_denied"})
    practice = practice_of(request)
    wanted = {value for name, value in pairs if name == "tenant"}
    orgs = [one.org for one in practice.books.organisations if one.tenant_id in wanted]
    if not orgs:
        return _consent(practice, asked, (), said("Choose at least one organisation.", refused=True))
    connect(practice, orgs, new_id())
    scope = " ".join(asked["scope"].split())
    consent = Consent(
        asked["redirect_uri"],
        asked["code_challenge"],
        scope,
        asked.get("nonce") or None,
        practice.clock.now_ms(),
    )
    code = practice.tokens.issue_code(consent)
    return _back(asked, {"code": code, "scope": scope})


async def error(request: Request) -> Response:
    """`GET /identity/error`: where a browser is sent whose question can't be answered."""
    words = _MISTAKES.get(request.query_params.get("errorId", ""), "unknown_error")
    body = (
        "<h1>Sorry, something went wrong</h1><p>Go back and try again.</p>"
        f"<p>Error code: 500</p><p>Error: {escape(words)}</p>"
    )
    return page("Sorry, something went wrong", body, status=500)


def _consent(
    practice: PracticeServices, asked: Mapping[str, str], ticked: Collection[str], note: str = ""
) -> Response:
    choices = "".join(
        f'<label><input type="checkbox" name="tenant" value="{one.tenant_id}"'
        f"{' checked' if one.tenant_id in ticked else ''}> {isolated(one.name)}</label>"
        for one in practice.books.organisations
    )
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(asked.get(name, ""))}">' for name in _CARRIED
    )
    wishes = "".join(f"<li>{escape(scope)}</li>" for scope in asked["scope"].split())
    body = (
        f"<h1>Reshelve wants access to</h1>{note}"
        f'<form method="post" action="/identity/connect/authorize">{hidden}{choices}'
        f"<h2>It asks for</h2><ul>{wishes}</ul>"
        '<button class="go" name="decision" value="allow">Allow access</button> '
        '<button name="decision" value="deny">Cancel</button></form>'
    )
    # Browsers hold the redirect that follows a form against `form-action` too.
    return page("Allow access", body, form_targets=f"'self' {_origin(asked['redirect_uri'])}")


def _mistake(asked: Mapping[str, str]) -> str:
    """Name what is wrong with the question; empty for a good one."""
    scopes = asked.get("scope", "").split()
    if asked.get("client_id") != CLIENT_ID:
        return "client"
    if not _can_be_registered(asked.get("redirect_uri", "")):
        return "redirect"
    if asked.get("response_type") != "code":
        return "response_type"
    if (
        asked.get("code_challenge_method") != "S256"
        or len(asked.get("code_challenge", "")) != _CHALLENGE_LENGTH
    ):
        return "challenge"
    return "" if scopes and set(scopes) <= SCOPES else "scope"


def _can_be_registered(redirect_uri: str) -> bool:
    """Say whether the app can have this address: any port of `localhost`, or https.

    Xero refuses `http://127.0.0.1` at registration (seen).
    """
    try:
        address = urlsplit(redirect_uri)
        is_readable = address.port != 0
    except ValueError:
        return False
    if address.scheme == "https":
        return is_readable
    return (address.scheme, address.hostname, address.path) == ("http", "localhost", "/callback")


def _to_error_page(mistake: str) -> Response:
    return RedirectResponse(f"{_ERROR_PAGE}?{urlencode({'errorId': mistake})}", 302)


def _back(asked: Mapping[str, str], answer: dict[str, str]) -> Response:
    if asked.get("state"):
        answer["state"] = asked["state"]
    join = "&" if urlsplit(asked["redirect_uri"]).query else "?"
    return RedirectResponse(f"{asked['redirect_uri']}{join}{urlencode(answer)}", 302, _NO_STORE)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
