"""OpenID Connect's ID tokens: who signed in, checked by clients with the published key."""

from __future__ import annotations

import base64
import hashlib
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import msgspec
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    from collections.abc import Collection

    from tui.sandbox.clock import Clock

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
    """Signs ID tokens with a key that is made when it is first needed and lasts as long as the process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def keys(self) -> dict[str, Any]:
        """The public key as a JSON Web Key Set (RFC 7517)."""
        public = self._key.public_key().public_numbers()
        numbers = {"n": _number(public.n), "e": _number(public.e)}
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": ALGORITHM, "kid": self._key_id, **numbers}]}

    def issue(self, issuer: str, client_id: str, answer: dict[str, Any], **claims: Any) -> str:
        """Make the ID token that belongs to an answer with an access token and scopes.

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
    """Return what scopes let an app know of the one user."""
    known = {"sub": _USER.replace("-", ""), "xero_userid": _USER}
    for scope, claims in _PERSON.items():
        if scope in scopes:
            known |= claims
    return known


def _number(number: int) -> str:
    return _encoded(number.to_bytes((number.bit_length() + 7) // 8))


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
