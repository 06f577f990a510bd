"""OpenID Connect discovery: endpoints, capabilities and the public key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import JSONResponse, Response

from tui.sandbox.context import services_of
from tui.sandbox.oauth.tokens import ALGORITHM, SCOPES

if TYPE_CHECKING:
    from starlette.requests import Request

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
