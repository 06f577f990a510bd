"""Codes and tokens, as issued by Xero's identity service."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

    from tui.sandbox.context import Clock
    from tui.sandbox.database import SandboxDatabase


_OPENID: Final = ("openid", "profile", "email", "offline_access")
# Each also exists with the suffix `.read`.
_WRITABLE: Final = (
    "accounting.attachments", "accounting.banktransactions", "accounting.contacts", "accounting.invoices",
    "accounting.manualjournals", "accounting.payments", "accounting.settings", "accounting.transactions",
    "assets", "files", "payroll.employees", "payroll.payruns", "payroll.payslip", "payroll.settings",
    "payroll.timesheets", "practicemanager", "practicemanager.client", "practicemanager.job",
    "practicemanager.staff", "practicemanager.time", "projects",
)  # fmt: skip
_REPORTS: Final = (
    "aged", "balancesheet", "banksummary", "budgetsummary", "executivesummary", "profitandloss",
    "taxreports", "tenninetynine", "trialbalance",
)  # fmt: skip
_OTHERS: Final = (
    "accounting.budgets.read", "accounting.journals.read", "accounting.reports.read", "app.connections",
    "bankfeeds", "einvoicing", "finance.accountingactivity.read", "finance.bankstatementsplus.read",
    "finance.cashvalidation.read", "finance.statements.read", "marketplace.billing", "paymentservices",
)  # fmt: skip

SCOPES: Final = frozenset(
    {
        *_OPENID,
        *_WRITABLE,
        *(f"{scope}.read" for scope in _WRITABLE),
        *(f"accounting.reports.{report}.read" for report in _REPORTS),
        *_OTHERS,
    }
)


ALGORITHM: Final = "RS256"
_KEY_BITS: Final = 2048
_KEY_EXPONENT: Final = 65537
# In seconds, as on the live service.
_LIFE: Final = 300
_USER: Final = "7d0c1b5e-4a8f-4c1e-9b0a-2f6d3e8c5a17"
# The claims of each scope, for the one invented user.
_PERSON: Final[dict[str, dict[str, str]]] = {
    "profile": {
        "preferred_username": "robin@practice.example",
        "name": "Robin Practice",
        "given_name": "Robin",
        "family_name": "Practice",
    },
    "email": {"email": "robin@practice.example"},
}


class IdTokens:
    """Signs ID tokens with a key that is created on first use and kept as long as the process runs."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def keys(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        public = self._key.public_key().public_numbers()
        numbers = {"n": _number(public.n), "e": _number(public.e)}
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": ALGORITHM, "kid": self._key_id, **numbers}]}

    def issue(self, issuer: str, client_id: str, answer: dict[str, Any], **claims: Any) -> str:
        """Return the ID token for a response with an access token and scopes.

        Claims of `None` are left out.
        """
        scopes = answer["scope"].split()
        now = self._clock.now_ms() // 1000
        body = {
            "nbf": now,
            "exp": now + _LIFE,
            "iss": issuer,
            "aud": client_id,
            "iat": now,
            # Ties it to its access token (OpenID Connect Core, 3.1.3.6).
            "at_hash": _encoded(hashlib.sha256(answer["access_token"].encode()).digest()[:16]),
        }
        body |= {name: value for name, value in claims.items() if value is not None}
        body |= user_claims(scopes)
        head = {"alg": ALGORITHM, "kid": self._key_id, "typ": "JWT"}
        signed = f"{_encoded(msgspec.json.encode(head))}.{_encoded(msgspec.json.encode(body))}"
        signature = self._key.sign(signed.encode(), padding.PKCS1v15(), SHA256())
        return f"{signed}.{_encoded(signature)}"

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(_KEY_EXPONENT, _KEY_BITS)

    @cached_property
    def _key_id(self) -> str:
        modulus = _number(self._key.public_key().public_numbers().n)
        return hashlib.sha256(modulus.encode()).hexdigest()[:40].upper()


def user_claims(scopes: Collection[str]) -> dict[str, str]:
    """Return the user's claims that the scopes give access to."""
    known = {"sub": _USER.replace("-", ""), "xero_userid": _USER}
    for scope, claims in _PERSON.items():
        if scope in scopes:
            known |= claims
    return known


def _number(number: int) -> str:
    return _encoded(number.to_bytes((number.bit_length() + 7) // 8))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


# The registered practice app. Not a secret: a desktop program has none (PKCE), and the custom connection's
# secret only gives access to invented contacts on loopback.
CLIENT_ID = "5E9A1F0C2B7D4E63A8F1C0D9B2E47A16"
CUSTOM_CLIENT_ID = "C0570000A11E4B5C9D3E2F1A0B9C8D7E"
CUSTOM_CLIENT_SECRET = "practice-secret"  # noqa: S105 - opens only the practice books

DEFAULT_SCOPE = "offline_access accounting.contacts accounting.settings.read"
#: With transactions, by which contacts that are no longer used can be found.
SCOPE_WITH_ACTIVITY = (
    f"{DEFAULT_SCOPE} accounting.invoices.read accounting.payments.read accounting.banktransactions.read"
)

_SECOND = 1000
_CODE_LIFE = 5 * 60 * _SECOND
_REFRESH_LIFE = 60 * 86_400 * _SECOND
_PREVIOUS_REFRESH_LIFE = 30 * 60 * _SECOND
# How long an expired token is still reported as expired.
_REMEMBERED = 86_400 * _SECOND
# In random bytes. Xero's access tokens contain claims and a signature, which makes them over a thousand
# characters long; its codes and refresh tokens are short.
_SHORT, _LONG = 32, 900


class OAuthError(Exception):
    """An error with its name from RFC 6749."""


@dataclass(frozen=True, slots=True)
class Access:
    """The scope of an access token. `org` is set for a custom connection: one organisation, no header."""

    grant_id: str
    scopes: frozenset[str]
    org: int | None


@dataclass(frozen=True, slots=True)
class Consent:
    """What the user agreed to, and what the app has to prove. `nonce` is the app's own, if any."""

    redirect_uri: str
    challenge: str
    scope: str
    nonce: str | None
    at: int


class TokenIssuer:
    """Issues, rotates and checks tokens. `access_lifetime` is in seconds; a practice control can set it.

    Codes are kept in memory: they are valid for five minutes.
    """

    def __init__(self, database: SandboxDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._consents: dict[str, Consent] = {}
        self.access_lifetime = 1800
        self.id_tokens = IdTokens(clock)
        self._database.execute("DELETE FROM tokens WHERE expires < ?", (self._clock.now_ms() - _REMEMBERED,))

    def issue_code(self, consent: Consent) -> str:
        """Issue the code that completes a consent."""
        code = _random("code")
        oldest = self._clock.now_ms() - _CODE_LIFE
        self._consents = {known: entry for known, entry in self._consents.items() if entry.at >= oldest}
        self._consents[code] = consent
        return code

    def redeem_code(self, code: str, redirect_uri: str, verifier: str, issuer: str) -> dict[str, Any]:
        """Exchange a code, once, for tokens. Raises `OAuthError` if anything doesn't match."""
        consent = self._consents.pop(code, None)
        if (
            consent is None
            or consent.at + _CODE_LIFE < self._clock.now_ms()
            or consent.redirect_uri != redirect_uri
        ):
            raise OAuthError("invalid_grant")
        if not secrets.compare_digest(s256(verifier).encode(), consent.challenge.encode()):
            raise OAuthError("invalid_grant")
        signed_in = {"nonce": consent.nonce, "auth_time": consent.at // _SECOND}
        return self._grant(secrets.token_hex(8), consent.scope, issuer, **signed_in)

    def refresh(self, refresh_token: str, issuer: str) -> dict[str, Any]:
        """Exchange a refresh token for a new pair; the old one works for 30 more minutes, as with Xero."""
        with self._database.transaction():
            row = self._find_valid(refresh_token, "refresh")
            if row is None:
                raise OAuthError("invalid_grant")
            until = min(row["expires"], self._clock.now_ms() + _PREVIOUS_REFRESH_LIFE)
            self._database.execute("UPDATE tokens SET expires = ? WHERE token = ?", (until, refresh_token))
            return self._grant(row["grant_id"], row["scope"], issuer)

    def custom_connection(self, scope: str, org: int) -> dict[str, Any]:
        """Return an access token for one organisation, without a refresh token, for client credentials."""
        token = self._issue("access", secrets.token_hex(8), scope, org, self.access_lifetime * _SECOND)
        return self._answer(token, scope)

    def issue_refresh_token(self, scope: str = DEFAULT_SCOPE) -> str:
        """Issue a refresh token that works at once, as after a sign-in that allowed everything asked for."""
        return self._issue("refresh", secrets.token_hex(8), scope, None, _REFRESH_LIFE)

    def find_access(self, token: str) -> Access | None:
        """Return what a bearer token gives access to; `None` if it is unknown or has expired."""
        row = self._find_valid(token, "access")
        if row is None:
            return None
        return Access(row["grant_id"], frozenset(row["scope"].split()), row["org"])

    def refusal_reason(self, token: str) -> str:
        """Return why a bearer token is refused, in Xero's words (seen)."""
        expired = self._database.value(
            "SELECT expires FROM tokens WHERE token = ? AND kind = 'access'", (token,)
        )
        if expired is None:
            return "AuthenticationUnsuccessful"
        return f"TokenExpired: token expired at {datetime.fromtimestamp(expired / _SECOND, UTC):%m/%d/%Y %X}"

    def revoke(self, token: str) -> None:
        """Revoke the whole sign-in that a token belongs to; unknown tokens are ignored (RFC 7009)."""
        self._database.execute(
            "DELETE FROM tokens WHERE grant_id = (SELECT grant_id FROM tokens WHERE token = ?)", (token,)
        )

    def expire_access(self) -> None:
        """Expire every access token now, to test refreshing."""
        self._database.execute(
            "UPDATE tokens SET expires = min(expires, ?) WHERE kind = 'access'", (self._clock.now_ms(),)
        )

    def revoke_all(self) -> None:
        """End every sign-in, as when the user disconnects the app in Xero."""
        self._database.execute("DELETE FROM tokens")

    def _find_valid(self, token: str, kind: str) -> sqlite3.Row | None:
        return self._database.one(
            "SELECT * FROM tokens WHERE token = ? AND kind = ? AND expires > ?",
            (token, kind, self._clock.now_ms()),
        )

    def _grant(self, grant_id: str, scope: str, issuer: str, **claims: Any) -> dict[str, Any]:
        access = self._issue("access", grant_id, scope, None, self.access_lifetime * _SECOND)
        answer = self._answer(access, scope)
        if "openid" in scope.split():
            answer["id_token"] = self.id_tokens.issue(
                issuer, CLIENT_ID, answer, sid=grant_id, global_session_id=grant_id, **claims
            )
        if "offline_access" in scope.split():
            answer["refresh_token"] = self._issue("refresh", grant_id, scope, None, _REFRESH_LIFE)
        return answer

    def _answer(self, access_token: str, scope: str) -> dict[str, Any]:
        return {
            "access_token": access_token,
            "expires_in": self.access_lifetime,
            "token_type": "Bearer",
            "scope": scope,
        }

    def _issue(self, kind: str, grant_id: str, scope: str, org: int | None, life_ms: int) -> str:
        token = _random(kind, _LONG if kind == "access" else _SHORT)
        self._database.execute(
            "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?)",
            (token, kind, grant_id, scope, org, self._clock.now_ms() + life_ms),
        )
        return token


def _random(kind: str, size: int = _SHORT) -> str:
    """Return a random code or token. Its prefix makes leaks into logs and files searchable."""
    return f"practice_{kind}_{secrets.token_urlsafe(size)}"


def bearer(headers: Mapping[str, str]) -> str:
    """Return a request's access token; empty if it has none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def s256(verifier: str) -> str:
    """Hash a PKCE verifier into its challenge (RFC 7636, S256)."""
    digest = hashlib.sha256(verifier.encode("ascii", "replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
