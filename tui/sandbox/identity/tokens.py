"""Codes and tokens, as Xero's identity service hands them out."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tui.sandbox.clock import now_ms

if TYPE_CHECKING:
    import sqlite3

    from tui.sandbox.database import Database

# The registered practice app. Not a secret: a desktop program has none (PKCE), and the custom
# connection's secret opens nothing but invented contacts on loopback.
CLIENT_ID = "5E9A1F0C2B7D4E63A8F1C0D9B2E47A16"
CUSTOM_CLIENT_ID = "C0570000A11E4B5C9D3E2F1A0B9C8D7E"
CUSTOM_CLIENT_SECRET = "practice-secret"  # noqa: S105 - opens only the practice books

SCOPES = frozenset(
    {
        "offline_access", "openid", "profile", "email", "accounting.contacts", "accounting.contacts.read",
        "accounting.settings", "accounting.settings.read",
    }
)  # fmt: skip
READY_SCOPE = "offline_access accounting.contacts accounting.settings.read"

_SECOND = 1000
_CODE_LIFE = 5 * 60 * _SECOND
_REFRESH_LIFE = 60 * 86_400 * _SECOND
_PREVIOUS_REFRESH_LIFE = 30 * 60 * _SECOND


class OAuthError(Exception):
    """A refusal with its name from RFC 6749."""


@dataclass(frozen=True, slots=True)
class Access:
    """What an access token opens. `org` is set for a custom connection: one organisation, no header."""

    grant_id: str
    scopes: frozenset[str]
    org: int | None


class Tokens:
    """Issues, rotates and checks tokens. `access_life` is in seconds and can be set by a practice control."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.access_life = 1800
        self._database.execute("DELETE FROM tokens WHERE expires < ?", (now_ms(),))
        self._database.execute("DELETE FROM codes WHERE expires < ?", (now_ms(),))

    def issue_code(self, redirect_uri: str, challenge: str, scope: str) -> str:
        """Hand out the code that ends a consent; it lives five minutes."""
        code = _random("code")
        self._database.execute(
            "INSERT INTO codes VALUES (?, ?, ?, ?, ?)",
            (code, redirect_uri, challenge, scope, now_ms() + _CODE_LIFE),
        )
        return code

    def redeem_code(self, code: str, redirect_uri: str, verifier: str) -> dict[str, Any]:
        """Exchange a code, once, for tokens. Raises `OAuthError` when anything does not match."""
        with self._database.transaction():
            row = self._database.one("DELETE FROM codes WHERE code = ? RETURNING *", (code,))
        if row is None or row["expires"] < now_ms() or row["redirect_uri"] != redirect_uri:
            raise OAuthError("invalid_grant")
        if not secrets.compare_digest(s256(verifier), row["challenge"]):
            raise OAuthError("invalid_grant")
        return self._grant(secrets.token_hex(8), row["scope"])

    def refresh(self, refresh_token: str) -> dict[str, Any]:
        """Exchange a refresh token for a new pair; the old one works for 30 minutes more (said by Xero)."""
        with self._database.transaction():
            row = self._live(refresh_token, "refresh")
            if row is None:
                raise OAuthError("invalid_grant")
            until = min(row["expires"], now_ms() + _PREVIOUS_REFRESH_LIFE)
            self._database.execute("UPDATE tokens SET expires = ? WHERE token = ?", (until, refresh_token))
            return self._grant(row["grant_id"], row["scope"])

    def custom_connection(self, scope: str, org: int) -> dict[str, Any]:
        """Answer client credentials: an access token for one organisation, and no refresh token."""
        token = self._new("access", secrets.token_hex(8), scope, org, self.access_life * _SECOND)
        return self._answer(token, scope)

    def ready_refresh_token(self) -> str:
        """Make a refresh token that works at once, as after a sign-in that allowed everything."""
        return self._new("refresh", secrets.token_hex(8), READY_SCOPE, None, _REFRESH_LIFE)

    def access(self, token: str) -> Access | None:
        """Say what a bearer token opens; `None` when it is unknown or has expired."""
        row = self._live(token, "access")
        if row is None:
            return None
        return Access(row["grant_id"], frozenset(row["scope"].split()), row["org"])

    def revoke(self, token: str) -> None:
        """Revoke the whole sign-in a token belongs to; an unknown token is no error (RFC 7009)."""
        self._database.execute(
            "DELETE FROM tokens WHERE grant_id = (SELECT grant_id FROM tokens WHERE token = ?)", (token,)
        )

    def expire_access(self) -> None:
        """Let every access token end now, for tests of the refresh."""
        self._database.execute("DELETE FROM tokens WHERE kind = 'access'")

    def revoke_all(self) -> None:
        """End every sign-in, as when a person disconnects the app in Xero."""
        self._database.execute("DELETE FROM tokens")

    def _live(self, token: str, kind: str) -> sqlite3.Row | None:
        return self._database.one(
            "SELECT * FROM tokens WHERE token = ? AND kind = ? AND expires > ?", (token, kind, now_ms())
        )

    def _grant(self, grant_id: str, scope: str) -> dict[str, Any]:
        access = self._new("access", grant_id, scope, None, self.access_life * _SECOND)
        answer = self._answer(access, scope)
        if "offline_access" in scope.split():
            answer["refresh_token"] = self._new("refresh", grant_id, scope, None, _REFRESH_LIFE)
        return answer

    def _answer(self, access_token: str, scope: str) -> dict[str, Any]:
        return {
            "access_token": access_token,
            "expires_in": self.access_life,
            "token_type": "Bearer",
            "scope": scope,
        }

    def _new(self, kind: str, grant_id: str, scope: str, org: int | None, life_ms: int) -> str:
        token = _random(kind)
        self._database.execute(
            "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?)",
            (token, kind, grant_id, scope, org, now_ms() + life_ms),
        )
        return token


def _random(kind: str) -> str:
    """Make a code or token. Its beginning lets logs and files be searched for any that got there."""
    return f"practice_{kind}_{secrets.token_urlsafe(32)}"


def s256(verifier: str) -> str:
    """Hash a PKCE verifier into its challenge (RFC 7636, S256)."""
    digest = hashlib.sha256(verifier.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
