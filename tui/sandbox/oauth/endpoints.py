"""The token, revocation and connections endpoints, and the page where a user allows access."""

from __future__ import annotations

import base64
import binascii
import secrets
from html import escape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from starlette.responses import JSONResponse, RedirectResponse, Response

from tui.sandbox.books import new_id
from tui.sandbox.context import iso, services_of
from tui.sandbox.database import parse_guid
from tui.sandbox.oauth.tokens import (
    ALGORITHM,
    CLIENT_ID,
    CUSTOM_CLIENT_ID,
    CUSTOM_CLIENT_SECRET,
    DEFAULT_SCOPE,
    SCOPES,
    Consent,
    OAuthError,
    bearer,
    user_claims,
)
from tui.sandbox.responses import button, isolated, notice, page, unauthorized

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from sqlite3 import Row

    from starlette.requests import Request

    from tui.sandbox.context import SandboxServices


CONFIGURATION: Final = "/.well-known/openid-configuration"
KEYS: Final = f"{CONFIGURATION}/jwks"
_LOGIN, _IDENTITY = "https://login.xero.com", "https://identity.xero.com"


async def configuration(request: Request) -> Response:
    """`GET /.well-known/openid-configuration` (OpenID Connect Discovery): only what is supported here."""
    issuer = issuer_of(request)
    login = _LOGIN if issuer == _IDENTITY else issuer
    return JSONResponse(
        {
            "issuer": issuer,
            "jwks_uri": f"{issuer}{KEYS}",
            "authorization_endpoint": f"{login}/identity/connect/authorize",
            "token_endpoint": f"{issuer}/connect/token",
            "userinfo_endpoint": f"{issuer}/connect/userinfo",
            "revocation_endpoint": f"{issuer}/connect/revocation",
            "scopes_supported": sorted(SCOPES),
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "client_credentials", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "code_challenge_methods_supported": ["S256"],
        }
    )


async def keys(request: Request) -> Response:
    """`GET /.well-known/openid-configuration/jwks`: the key that ID tokens are signed with."""
    return JSONResponse(services_of(request).tokens.id_tokens.keys)


def issuer_of(request: Request) -> str:
    """Return the URL of this service as the client sees it, which is the issuer of its tokens.

    A reverse proxy that serves Xero's own names does so over https.
    """
    is_proxied = (request.url.hostname or "").endswith(".xero.com")
    return _IDENTITY if is_proxied else str(request.base_url).rstrip("/")


_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


async def token(request: Request) -> Response:
    """`POST /connect/token`: authorization_code with PKCE, refresh_token, client_credentials."""
    services = services_of(request)
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    try:
        answer = _exchange(services, form, _basic(request), issuer_of(request))
    except OAuthError as error:
        return JSONResponse({"error": str(error)}, 400, _NO_STORE)
    return JSONResponse(answer, 200, _NO_STORE)


async def revocation(request: Request) -> Response:
    """`POST /connect/revocation`: end the sign-in a refresh token belongs to (RFC 7009)."""
    form = dict(parse_qsl((await request.body()).decode("utf-8", "replace")))
    services_of(request).tokens.revoke(form.get("token", ""))
    return Response(status_code=200)


async def userinfo(request: Request) -> Response:
    """`GET` and `POST /connect/userinfo`: who signed in (OpenID Connect Core, 5.3)."""
    services = services_of(request)
    access = services.tokens.find_access(bearer(request.headers))
    if access is None:
        return _unauthorized(services, request)
    if "openid" not in access.scopes:
        return JSONResponse({"error": "insufficient_scope"}, 403, _NO_STORE)
    return JSONResponse(user_claims(access.scopes), 200, _NO_STORE)


async def connections(request: Request) -> Response:
    """`GET /connections`: the organisations this app has access to, in camelCase (identity API, v16.1).

    A custom connection is a separate app, with its one organisation.
    """
    services = services_of(request)
    access = services.tokens.find_access(bearer(request.headers))
    if access is None:
        return _unauthorized(services, request)
    chosen = request.query_params.get("authEventId")
    event = None if chosen is None else parse_guid(chosen)
    rows = connected(services) if access.org is None else _custom(services, access.org)
    return JSONResponse(
        [
            {
                "id": row["id"],
                "authEventId": row["auth_event_id"],
                "tenantId": row["tenant_id"],
                "tenantType": "ORGANISATION",
                "tenantName": row["name"],
                "createdDateUtc": _seven_digits(row["created"]),
                "updatedDateUtc": _seven_digits(row["updated"]),
            }
            for row in rows
            if chosen is None or event == row["auth_event_id"]
        ]
    )


async def disconnect(request: Request) -> Response:
    """`DELETE /connections/{id}`: disconnect one organisation from this app.

    A custom connection has none to disconnect: it is ended where it was created, on its app's page.
    """
    services = services_of(request)
    access = services.tokens.find_access(bearer(request.headers))
    if access is None:
        return _unauthorized(services, request)
    is_removed = access.org is None and remove_connection(services, request.path_params["id"])
    return Response(status_code=204 if is_removed else 404)


def remove_connection(services: SandboxServices, connection_id: str) -> bool:
    """Disconnect one organisation from the app; returns False if there is no such connection."""
    removed = services.database.one(
        "DELETE FROM connections WHERE id = ? RETURNING id", (parse_guid(connection_id),)
    )
    return removed is not None


def connected(services: SandboxServices) -> list[Row]:
    """Return the organisations that the user has connected to the app."""
    return services.database.all(
        "SELECT c.*, o.tenant_id, o.name FROM connections c JOIN organisations o USING (org) ORDER BY org"
    )


def connect(services: SandboxServices, orgs: list[int], auth_event_id: str) -> None:
    """Connect organisations to the app, as a consent does; connected ones stay connected."""
    now = services.clock.now_ms()
    services.database.executemany(
        "INSERT INTO connections VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (org) DO UPDATE SET auth_event_id = excluded.auth_event_id, updated = excluded.updated",
        [(new_id(), org, auth_event_id, now, now) for org in orgs],
    )


def _exchange(
    services: SandboxServices, form: dict[str, str], basic: tuple[str, str] | None, issuer: str
) -> dict[str, Any]:
    client_id = basic[0] if basic else form.get("client_id", "")
    kind = form.get("grant_type")
    if kind == "client_credentials":
        # Documented with a Basic header; Xero's own SDK sends both values in the form.
        return _custom_connection(services, form, basic or (client_id, form.get("client_secret", "")))
    if client_id != CLIENT_ID:
        raise OAuthError("invalid_client")
    if kind == "authorization_code":
        return services.tokens.redeem_code(
            form.get("code", ""), form.get("redirect_uri", ""), form.get("code_verifier", ""), issuer
        )
    if kind == "refresh_token":
        return services.tokens.refresh(form.get("refresh_token", ""), issuer)
    raise OAuthError("unsupported_grant_type")


def _custom_connection(
    services: SandboxServices, form: dict[str, str], pair: tuple[str, str]
) -> dict[str, Any]:
    known = (CUSTOM_CLIENT_ID, CUSTOM_CLIENT_SECRET)
    if not all(map(secrets.compare_digest, map(str.encode, pair), map(str.encode, known))):
        raise OAuthError("invalid_client")
    scope = form.get("scope") or DEFAULT_SCOPE
    if not set(scope.split()) <= SCOPES:
        raise OAuthError("invalid_scope")
    scope = " ".join(item for item in scope.split() if item != "offline_access")
    return services.tokens.custom_connection(scope, services.books.organisations[0].org)


def _basic(request: Request) -> tuple[str, str] | None:
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, secret = base64.b64decode(value).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return unquote_plus(name), unquote_plus(secret)


def _custom(services: SandboxServices, org: int) -> list[Row]:
    """Return the only connection of a custom connection; its id is the organisation's."""
    return services.database.all(
        "SELECT tenant_id AS id, tenant_id AS auth_event_id, tenant_id, name, created, created AS updated "
        "FROM organisations WHERE org = ?",
        (org,),
    )


def _unauthorized(services: SandboxServices, request: Request) -> Response:
    answer = unauthorized(services.tokens.refusal_reason(bearer(request.headers)))
    return Response(answer.body, answer.status, media_type=answer.content_type)


def _seven_digits(ms: int) -> str:
    """Format a time as the identity API does: seven decimals and no zone, always UTC."""
    return iso(ms)[:-1] + "0000"


_CARRIED = (
    "response_type", "client_id", "redirect_uri", "state", "scope", "nonce", "code_challenge",
    "code_challenge_method",
)  # fmt: skip
# A S256 challenge is 32 bytes in unpadded base64url (RFC 7636).
_CHALLENGE_LENGTH = 43
_ERROR_PAGE = "/identity/error"
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


async def disconnect_organisation(request: Request) -> Response:
    """`POST /identity/apps/{id}`: disconnect one organisation; the others stay connected."""
    remove_connection(services_of(request), request.path_params["id"])
    return RedirectResponse(_PATH, 303)
