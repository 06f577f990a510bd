"""The page where a user allows an app to access organisations."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from tui.sandbox.books import new_id
from tui.sandbox.context import services_of
from tui.sandbox.oauth.endpoints import connect, connected, remove_connection
from tui.sandbox.oauth.tokens import CLIENT_ID, SCOPES, Consent
from tui.sandbox.responses import button, isolated, notice, page

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from starlette.requests import Request

    from tui.sandbox.context import SandboxServices


_CARRIED = (
    "response_type", "client_id", "redirect_uri", "state", "scope", "nonce", "code_challenge",
    "code_challenge_method",
)  # fmt: skip
# A S256 challenge is 32 bytes in unpadded base64url (RFC 7636).
_CHALLENGE_LENGTH = 43
_ERROR_PAGE = "/identity/error"
_NO_STORE = {"Cache-Control": "no-store"}
# Xero's own messages for the first two (seen).
_REQUEST_ERRORS = {
    "client": "unauthorized_client : Unknown client or client not enabled",
    "redirect": "unauthorized_client : Invalid redirect_uri",
    "response_type": "unsupported_response_type",
    "challenge": "invalid_request : code challenge required",
    "scope": "invalid_scope",
}


async def authorize(request: Request) -> Response:
    """`GET /identity/connect/authorize`: ask the user.

    An invalid request leads to Xero's error page, never back to the app (seen).
    """
    params = request.query_params
    problem = _request_error(params)
    if problem:
        return _to_error_page(problem)
    services = services_of(request)
    return _consent(
        services, params, {organisation.tenant_id for organisation in services.books.organisations}
    )


async def decide(request: Request) -> Response:
    """Process the user's choice and return to the app with a code or `access_denied`.

    Allowing access requires an organisation; without one the page is shown again.
    """
    pairs = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
    params = dict(pairs)
    problem = _request_error(params)
    if problem:
        return _to_error_page(problem)
    if params.get("decision") != "allow":
        return _back(params, {"error": "access_denied"})
    services = services_of(request)
    wanted = {value for name, value in pairs if name == "tenant"}
    orgs = [
        organisation.org for organisation in services.books.organisations if organisation.tenant_id in wanted
    ]
    if not orgs:
        return _consent(services, params, (), notice("Choose at least one organisation.", refused=True))
    connect(services, orgs, new_id())
    scope = " ".join(params["scope"].split())
    consent = Consent(
        params["redirect_uri"],
        params["code_challenge"],
        scope,
        params.get("nonce") or None,
        services.clock.now_ms(),
    )
    code = services.tokens.issue_code(consent)
    return _back(params, {"code": code, "scope": scope})


async def error(request: Request) -> Response:
    """`GET /identity/error`: the error page for invalid requests."""
    message = _REQUEST_ERRORS.get(request.query_params.get("errorId", ""), "unknown_error")
    body = (
        "<h1>Sorry, something went wrong</h1><p>Go back and try again.</p>"
        f"<p>Error code: 500</p><p>Error: {escape(message)}</p>"
    )
    return page("Sorry, something went wrong", body, status=500)


def _consent(
    services: SandboxServices, params: Mapping[str, str], ticked: Collection[str], note: str = ""
) -> Response:
    choices = "".join(
        f'<label><input type="checkbox" name="tenant" value="{organisation.tenant_id}"'
        f"{' checked' if organisation.tenant_id in ticked else ''}> {isolated(organisation.name)}</label>"
        for organisation in services.books.organisations
    )
    hidden = "".join(
        f'<input type="hidden" name="{name}" value="{escape(params.get(name, ""))}">' for name in _CARRIED
    )
    scope_items = "".join(f"<li>{escape(scope)}</li>" for scope in params["scope"].split())
    body = (
        f"<h1>Reshelve wants access to</h1>{note}"
        f'<form method="post" action="/identity/connect/authorize">{hidden}{choices}'
        f"<h2>It asks for</h2><ul>{scope_items}</ul>"
        '<button class="go" name="decision" value="allow">Allow access</button> '
        '<button name="decision" value="deny">Cancel</button></form>'
    )
    # Browsers apply `form-action` to the redirect after a form, too.
    return page("Allow access", body, form_targets=f"'self' {_origin(params['redirect_uri'])}")


def _request_error(params: Mapping[str, str]) -> str:
    """Return what is wrong with the request, empty if valid."""
    scopes = params.get("scope", "").split()
    if params.get("client_id") != CLIENT_ID:
        return "client"
    if not _can_be_registered(params.get("redirect_uri", "")):
        return "redirect"
    if params.get("response_type") != "code":
        return "response_type"
    if (
        params.get("code_challenge_method") != "S256"
        or len(params.get("code_challenge", "")) != _CHALLENGE_LENGTH
    ):
        return "challenge"
    return "" if scopes and set(scopes) <= SCOPES else "scope"


def _can_be_registered(redirect_uri: str) -> bool:
    """Return whether a redirect URI can be registered: any port of `localhost`, or https.

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


def _to_error_page(problem: str) -> Response:
    return RedirectResponse(f"{_ERROR_PAGE}?{urlencode({'errorId': problem})}", 302)


def _back(params: Mapping[str, str], answer: dict[str, str]) -> Response:
    if params.get("state"):
        answer["state"] = params["state"]
    join = "&" if urlsplit(params["redirect_uri"]).query else "?"
    return RedirectResponse(f"{params['redirect_uri']}{join}{urlencode(answer)}", 302, _NO_STORE)


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


_PATH = "/identity/apps"


async def show(request: Request) -> Response:
    """`GET /identity/apps`: the organisations that Reshelve is connected to."""
    rows = connected(services_of(request))
    listed = "".join(
        f"<h2>{isolated(row['name'])}</h2>{button(_PATH + '/' + row['id'], 'Disconnect')}" for row in rows
    )
    nothing = "<p>Reshelve isn't connected to any organisation.</p>"
    return page("Connected apps", f"<h1>Reshelve is connected to</h1>{listed}" if rows else nothing)


async def disconnect(request: Request) -> Response:
    """`POST /identity/apps/{id}`: disconnect one organisation; the others stay connected."""
    remove_connection(services_of(request), request.path_params["id"])
    return RedirectResponse(_PATH, 303)
