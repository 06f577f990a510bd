"""The page on which a person lets an app into organisations."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from tui.sandbox.books import new_id
from tui.sandbox.context import practice_of
from tui.sandbox.html import isolated, page
from tui.sandbox.identity.endpoints import connect
from tui.sandbox.identity.tokens import CLIENT_ID, SCOPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_CARRIED = ("client_id", "redirect_uri", "state", "scope", "code_challenge")
# A S256 challenge is 32 bytes in unpadded base64url (RFC 7636).
_CHALLENGE_LENGTH = 43


async def authorize(request: Request) -> Response:
    """`GET /identity/connect/authorize`: ask the person; a request that makes no sense goes nowhere."""
    asked = request.query_params
    refusal = _untrusted(asked)
    if refusal is not None:
        return page("Sorry, something went wrong", f"<h1>Sorry</h1><p>{escape(refusal)}</p>", status=400)
    error = _error(asked)
    if error is not None:
        return _back(asked, {"error": error})
    practice = practice_of(request)
    choices = "".join(
        f'<label><input type="checkbox" name="tenant" value="{one.tenant_id}" checked> '
        f"{isolated(one.name)}</label>"
        for one in practice.books.organisations
    )
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(asked.get(name, ""))}">' for name in _CARRIED
    )
    wishes = "".join(f"<li>{escape(scope)}</li>" for scope in asked["scope"].split())
    body = (
        "<h1>Reshelve wants access to</h1>"
        f'<form method="post" action="/identity/connect/authorize">{hidden}{choices}'
        f"<h2>It asks for</h2><ul>{wishes}</ul>"
        '<button class="go" name="decision" value="allow">Allow access</button> '
        '<button name="decision" value="deny">Cancel</button></form>'
    )
    # Browsers hold the redirect that follows a form against `form-action` too.
    return page("Allow access", body, form_targets=f"'self' {_origin(asked['redirect_uri'])}")


async def decide(request: Request) -> Response:
    """Take the person's answer and go back to the app with a code, or with `access_denied`."""
    pairs = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    asked = dict(pairs)
    refusal = _untrusted(asked)
    if refusal is not None:
        return page("Sorry, something went wrong", f"<h1>Sorry</h1><p>{escape(refusal)}</p>", status=400)
    practice = practice_of(request)
    wanted = {value for name, value in pairs if name == "tenant"}
    orgs = [one.org for one in practice.books.organisations if one.tenant_id in wanted]
    if asked.get("decision") != "allow" or not orgs:
        return _back(asked, {"error": "access_denied"})
    connect(practice, orgs, new_id())
    code = practice.tokens.issue_code(asked["redirect_uri"], asked["code_challenge"], asked["scope"])
    return _back(asked, {"code": code, "scope": asked["scope"]})


def _untrusted(asked: Mapping[str, str]) -> str | None:
    """Say why nothing may be sent back to where the request claims to come from."""
    if asked.get("client_id") != CLIENT_ID:
        return "unauthorized_client: this client id is not registered here."
    address = urlsplit(asked.get("redirect_uri", ""))
    # Xero refuses http://127.0.0.1 at registration (seen); localhost and https are fine.
    if (address.scheme, address.hostname) != ("http", "localhost") and address.scheme != "https":
        return "invalid_redirect_uri: use http://localhost:<port>/… or https."
    return None


def _error(asked: Mapping[str, str]) -> str | None:
    if asked.get("response_type") != "code":
        return "unsupported_response_type"
    if (
        asked.get("code_challenge_method") != "S256"
        or len(asked.get("code_challenge", "")) != _CHALLENGE_LENGTH
    ):
        return "invalid_request"
    scopes = asked.get("scope", "").split()
    return None if scopes and set(scopes) <= SCOPES else "invalid_scope"


def _back(asked: Mapping[str, str], answer: dict[str, str]) -> Response:
    if asked.get("state"):
        answer["state"] = asked["state"]
    join = "&" if urlsplit(asked["redirect_uri"]).query else "?"
    return RedirectResponse(f"{asked['redirect_uri']}{join}{urlencode(answer)}", 302)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"
