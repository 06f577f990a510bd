from __future__ import annotations

import base64
import logging
import ssl
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from support.tls import tls_server

from tui import messages
from tui.model.errors import OfflineError, RateLimitedError, ReconnectError, SignInError, XeroError
from tui.model.reasons import NetworkReason, SignInReason
from tui.xero.auth.token_endpoint import TokenGrant, custom_connection, exchange_code, refresh_tokens, revoke
from tui.xero.auth.token_store import FileTokenStore, Tokens

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Exchange = Callable[[httpx.BaseTransport], object]

URL = "http://127.0.0.1:9/identity/"
HOUR = timedelta(hours=1)
SCOPE = "offline_access accounting.contacts accounting.settings.read"
GRANT = {
    "access_token": "hush-access",
    "refresh_token": "hush-refresh-2",
    "expires_in": 1800,
    "scope": SCOPE,
    "token_type": "Bearer",
}
CUSTOM_GRANT = {name: value for name, value in GRANT.items() if name != "refresh_token"}
SIGNED_IN = Tokens("hush-access-1", "hush-refresh-1", datetime.now(UTC), "client", scope=SCOPE)
CUSTOM = Tokens("hush-access-1", "", datetime.now(UTC), "client", "hush-+/", "accounting.contacts")


def renewing(transport: httpx.BaseTransport) -> Tokens:
    return refresh_tokens(URL, SIGNED_IN, transport)


def renewing_custom(transport: httpx.BaseTransport) -> Tokens:
    return refresh_tokens(URL, CUSTOM, transport)


def redeeming(transport: httpx.BaseTransport) -> TokenGrant:
    return exchange_code(
        URL,
        client_id="client",
        code="hush-code",
        redirect_uri="http://localhost:8742/callback",
        verifier="hush-verifier",
        transport=transport,
    )


def connecting(transport: httpx.BaseTransport) -> TokenGrant:
    return custom_connection(
        URL, client_id="client", client_secret="hush-+/", scope=SCOPE, transport=transport
    )


def revoking(transport: httpx.BaseTransport) -> None:
    revoke(URL, SIGNED_IN, transport)


ALL = [renewing, renewing_custom, redeeming, connecting, revoking]
GRANTING = ALL[:-1]


def answering(answer: httpx.Response | Exception) -> httpx.MockTransport:
    def handle(_: httpx.Request) -> httpx.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.MockTransport(handle)


def refusing(error: str, status: int = 400) -> httpx.MockTransport:
    return answering(httpx.Response(status, json={"error": error, "error_description": "hush"}))


class Asked:
    """A service that grants everything, and records requests."""

    def __init__(self, grant: dict[str, object]) -> None:
        self.grant = grant
        self.requests: list[httpx.Request] = []
        self.transport = httpx.MockTransport(self)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        return httpx.Response(200, json=self.grant)

    @property
    def form(self) -> dict[str, str]:
        (request,) = self.requests
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        return dict(httpx.QueryParams(request.content.decode()))

    @property
    def path(self) -> str:
        return self.requests[0].url.path

    @property
    def basic(self) -> str:
        kind, _, value = self.requests[0].headers["Authorization"].partition(" ")
        assert kind == "Basic"
        return base64.b64decode(value).decode()


def test_a_refresh_token_is_exchanged_for_the_next() -> None:
    service = Asked(GRANT)
    fresh = refresh_tokens(URL, SIGNED_IN, service.transport)
    assert (service.path, service.form) == (
        "/identity/connect/token",
        {"grant_type": "refresh_token", "client_id": "client", "refresh_token": "hush-refresh-1"},
    )
    assert "Authorization" not in service.requests[0].headers
    assert (fresh.access_token, fresh.refresh_token) == ("hush-access", "hush-refresh-2")
    assert (fresh.client_id, fresh.client_secret, fresh.scope) == ("client", "", SCOPE)
    assert timedelta(minutes=29) < fresh.expires_at - datetime.now(UTC) <= timedelta(minutes=30)


def test_fields_missing_from_a_token_reply_keep_their_values() -> None:
    fresh = refresh_tokens(
        URL, SIGNED_IN, answering(httpx.Response(200, json={"access_token": "a", "expires_in": 9}))
    )
    assert (fresh.access_token, fresh.refresh_token, fresh.scope) == ("a", "hush-refresh-1", SCOPE)


def test_a_code_is_redeemed_with_its_verifier() -> None:
    service = Asked(GRANT)
    tokens = redeeming(service.transport).tokens
    assert (service.path, service.form) == (
        "/identity/connect/token",
        {
            "grant_type": "authorization_code",
            "client_id": "client",
            "code": "hush-code",
            "redirect_uri": "http://localhost:8742/callback",
            "code_verifier": "hush-verifier",
        },
    )
    assert (tokens.refresh_token, tokens.client_id, tokens.scope) == ("hush-refresh-2", "client", SCOPE)


def test_a_sign_in_that_would_end_with_its_access_token_is_refused() -> None:
    with pytest.raises(SignInError) as raised:
        redeeming(answering(httpx.Response(200, json=CUSTOM_GRANT)))
    assert raised.value.reason is SignInReason.NOT_RENEWABLE


def test_custom_connection_sends_its_secret_and_gets_no_refresh_token() -> None:
    service = Asked(CUSTOM_GRANT)
    tokens = connecting(service.transport).tokens
    assert service.form == {
        "grant_type": "client_credentials",
        "scope": "accounting.contacts accounting.settings.read",
    }
    assert service.basic == "client:hush-%2B%2F"
    assert (tokens.access_token, tokens.refresh_token) == ("hush-access", "")
    assert (tokens.client_id, tokens.client_secret) == ("client", "hush-+/")


@pytest.mark.parametrize("exchange", [redeeming, connecting])
def test_granted_tokens_can_be_stored(tmp_path: Path, exchange: Callable[..., TokenGrant]) -> None:
    tokens = exchange(answering(httpx.Response(200, json=GRANT))).tokens
    file = FileTokenStore(tmp_path / "tokens.json")
    file.save(tokens)
    assert file.load() == tokens


def test_a_custom_connection_is_renewed_by_its_secret_again() -> None:
    service = Asked(CUSTOM_GRANT)
    fresh = refresh_tokens(URL, CUSTOM, service.transport)
    assert service.form == {"grant_type": "client_credentials", "scope": "accounting.contacts"}
    assert service.basic == "client:hush-%2B%2F"
    assert (fresh.access_token, fresh.client_secret) == ("hush-access", "hush-+/")


@pytest.mark.parametrize(
    ("exchange", "error", "reason"),
    [
        (renewing, "invalid_grant", SignInReason.ENDED),
        (renewing, "invalid_client", SignInReason.CLIENT_ENDED),
        (renewing, "unauthorized_client", SignInReason.CLIENT_ENDED),
        (renewing_custom, "invalid_client", SignInReason.CUSTOM_CLIENT_ENDED),
        (renewing_custom, "unauthorized_client", SignInReason.CUSTOM_ENDED),
        (renewing_custom, "invalid_grant", SignInReason.CUSTOM_ENDED),
        (renewing_custom, "invalid_scope", SignInReason.CUSTOM_SCOPE_ENDED),
        (redeeming, "invalid_grant", SignInReason.CODE_EXPIRED),
        (redeeming, "invalid_client", SignInReason.CLIENT_UNKNOWN),
        (redeeming, "unauthorized_client", SignInReason.APP_TYPE_WRONG),
        (redeeming, "invalid_scope", SignInReason.SCOPE_NOT_ALLOWED),
        (connecting, "invalid_client", SignInReason.CUSTOM_CLIENT_REFUSED),
        (connecting, "unauthorized_client", SignInReason.CUSTOM_NOT_AUTHORISED),
        (connecting, "invalid_scope", SignInReason.CUSTOM_SCOPE_MISSING),
    ],
)
@pytest.mark.parametrize("status", [400, 401])
def test_each_refusal_has_its_own_reason_and_a_next_step(
    exchange: Exchange, error: str, reason: SignInReason, status: int
) -> None:
    with pytest.raises(XeroError) as refused:
        exchange(refusing(error, status))
    renews = exchange in {renewing, renewing_custom}
    assert type(refused.value) is (ReconnectError if renews else SignInError)
    assert refused.value.reason is reason
    assert messages.next_step(refused.value)


@pytest.mark.parametrize("exchange", ALL)
@pytest.mark.parametrize(
    "answer",
    [
        httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x"),
        httpx.DecodingError("gzip"), httpx.Response(500), httpx.Response(503, html="<h1>x</h1>"),
        httpx.Response(503, json={"error": "invalid_grant"}), httpx.Response(400), httpx.Response(302),
        httpx.Response(400, json={"error": 1}), httpx.Response(400, json={"error": "strange"}),
    ],
    ids=repr,
)  # fmt: skip
def test_any_other_failure_of_the_token_service_counts_as_offline(
    exchange: Exchange, answer: httpx.Response | Exception
) -> None:
    with pytest.raises(OfflineError) as failed:
        exchange(answering(answer))
    is_answered = isinstance(answer, httpx.Response)
    assert failed.value.reason is (
        SignInReason.SERVICE_ERROR if is_answered else SignInReason.SERVICE_UNREACHABLE
    )
    assert "sign-in service" in messages.message(failed.value)
    promises_a_retry = "retry automatically" in messages.next_step(failed.value)
    assert promises_a_retry == (exchange in {renewing, renewing_custom})


@pytest.mark.parametrize("exchange", GRANTING)
@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200), httpx.Response(200, html="<h1>x</h1>"), httpx.Response(204),
        httpx.Response(200, content=b'{"access_token":"hush-acc'), httpx.Response(200, json=[]),
        httpx.Response(200, json={**GRANT, "expires_in": 1e300}),
        httpx.Response(200, json={**GRANT, "expires_in": 0}),
        httpx.Response(200, json={**GRANT, "access_token": ""}),
    ],
    ids=repr,
)  # fmt: skip
def test_invalid_grant_reply_counts_as_offline(exchange: Exchange, answer: httpx.Response) -> None:
    with pytest.raises(OfflineError) as failed:
        exchange(answering(answer))
    assert "sign-in service" in messages.message(failed.value)


@pytest.mark.parametrize("exchange", ALL)
def test_too_many_token_requests_are_a_rate_limit(exchange: Exchange) -> None:
    with pytest.raises(RateLimitedError) as limited:
        exchange(answering(httpx.Response(429, headers={"Retry-After": "9"})))
    assert limited.value.retry_after == 9


@pytest.mark.parametrize("status", [200, 204])
def test_a_sign_in_is_revoked(status: int) -> None:
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(status)

    revoke(URL, SIGNED_IN, httpx.MockTransport(handle))
    (request,) = requests
    assert request.url.path == "/identity/connect/revocation"
    assert dict(httpx.QueryParams(request.content.decode())) == {
        "token": "hush-refresh-1",
        "token_type_hint": "refresh_token",
        "client_id": "client",
    }


def test_revoking_a_custom_connection_revokes_its_access_token() -> None:
    service = Asked({})
    revoke(URL, CUSTOM, service.transport)
    assert service.form == {"token": "hush-access-1", "token_type_hint": "access_token"}
    assert service.basic == "client:hush-%2B%2F"


def test_nothing_is_revoked_without_a_token() -> None:
    revoke(URL, Tokens.from_refresh_token("", "client"), answering(httpx.ConnectError("asked")))


@pytest.mark.parametrize("error", ["invalid_grant", "invalid_client", "unsupported_token_type"])
def test_revoking_a_dead_token_succeeds(error: str) -> None:
    revoke(URL, SIGNED_IN, refusing(error))


@pytest.mark.parametrize(("offset", "ahead"), [(HOUR, -HOUR), (-HOUR, HOUR)])
def test_a_clock_that_disagrees_with_xeros_is_noticed(offset: timedelta, ahead: timedelta) -> None:
    date = format_datetime(datetime.now(UTC) + offset, usegmt=True)
    granted = redeeming(answering(httpx.Response(200, json=GRANT, headers={"Date": date})))
    assert abs(granted.clock_ahead - ahead) < HOUR / 2


@pytest.mark.parametrize("date", ["", "soon", None])
def test_clock_that_agrees_or_cannot_be_compared_is_taken_as_right(date: str | None) -> None:
    def handle(_: httpx.Request) -> httpx.Response:
        shown = format_datetime(datetime.now(UTC), usegmt=True) if date is None else date
        return httpx.Response(200, json=CUSTOM_GRANT, headers={"Date": shown})

    assert connecting(httpx.MockTransport(handle)).clock_ahead == timedelta()


@pytest.mark.parametrize("days", [-20, 5])
def test_a_certificate_that_is_not_valid_today_points_to_the_clock(tmp_path: Path, days: int) -> None:
    with tls_server(tmp_path, valid_from_days=days) as (url, trusted), httpx.HTTPTransport(trusted) as line:
        with pytest.raises(OfflineError) as failed:
            refresh_tokens(url, SIGNED_IN, line)
        assert failed.value.reason is NetworkReason.CERTIFICATE_DATE
        assert "the time on this computer" in messages.message(failed.value)
        assert str(datetime.now().astimezone().year) in messages.message(failed.value)
        assert "date and time" in messages.next_step(failed.value)


def test_a_certificate_of_another_host_does_not_point_to_the_clock(tmp_path: Path) -> None:
    strict = ssl.create_default_context()
    with (
        tls_server(tmp_path, valid_from_days=-1) as (url, _),
        httpx.HTTPTransport(strict) as line,
        pytest.raises(OfflineError) as failed,
    ):
        refresh_tokens(url, SIGNED_IN, line)
    assert failed.value.reason is NetworkReason.CERTIFICATE_SELF_SIGNED


@pytest.mark.parametrize("exchange", ALL)
@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("x"), httpx.Response(500), httpx.Response(400, json={"error": "invalid_grant"}),
        httpx.Response(400, json={"error": "invalid_client"}),
        httpx.Response(200, json={"access_token": "hush-access", "expires_in": 0}), httpx.Response(429),
    ],
    ids=repr,
)  # fmt: skip
def test_no_secret_is_ever_shown(
    exchange: Exchange,
    answer: httpx.Response | Exception,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    try:
        told = repr(exchange(answering(answer)))
    except XeroError as failed:
        told = f"{failed!r} {vars(failed)} {failed.__cause__!r} {failed.__context__!r}"
        frames = traceback.StackSummary.extract(traceback.walk_tb(failed.__traceback__), capture_locals=True)
        told += str([(frame.name, frame.locals) for frame in frames if "/tui/" in frame.filename])
        assert "identity_url" in told
    assert "hush" not in told + caplog.text
