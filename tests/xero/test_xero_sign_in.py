"""Signing in with a browser, with the practice Xero's authorise and token endpoints."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import traceback
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import httpx
import pytest
from support import consent
from support.practice import PracticeXero, http, running_sandbox

from tui import messages
from tui.model.errors import NetworkSetupError, OfflineError, SignInError
from tui.model.reasons import NetworkReason, Notice, SignInReason
from tui.sandbox.oauth.tokens import CUSTOM_CLIENT_ID, CUSTOM_CLIENT_SECRET
from tui.system.log import logger
from tui.xero.auth.sign_in import READ_SCOPES, SCOPES, BrowserSignIn
from tui.xero.auth.token_endpoint import custom_connection
from tui.xero.auth.token_store import FileTokenStore
from tui.xero.auth.tokens import TokenSource
from tui.xero.connections import connected_tenants, list_organisations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tui.xero.auth.token_store import Tokens


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeXero]:
    folder = tmp_path_factory.mktemp("practice")
    with running_sandbox(folder, "--contacts", "20", "--cycle", "3600") as practice:
        yield practice


@asynccontextmanager
async def begun(practice: PracticeXero, **other: Any) -> AsyncIterator[BrowserSignIn]:
    options: dict[str, Any] = {
        "login_url": practice.login,
        "identity_url": practice.identity,
        "client_id": practice.client_id,
        "scope": SCOPES,
        "port": 0,
    }
    sign_in = await BrowserSignIn.begin(**(options | other))
    try:
        yield sign_in
    finally:
        await sign_in.aclose()


def source(folder: Path, practice: PracticeXero, tokens: Tokens) -> TokenSource:
    FileTokenStore(folder / "tokens.json").save(tokens)
    return TokenSource(
        FileTokenStore(folder / "tokens.json"), folder / "tokens.lock", identity_url=practice.identity
    )


def is_free(sign_in: BrowserSignIn) -> bool:
    try:
        socket.create_server(("127.0.0.1", urlsplit(sign_in.redirect_uri).port or 0)).close()
    except OSError:
        return False
    return True


async def test_sign_in_from_the_link_to_the_organisations(practice: PracticeXero, tmp_path: Path) -> None:
    async with begun(practice) as sign_in:
        waiting = asyncio.create_task(sign_in.tokens())
        page = await asyncio.to_thread(consent.sign_in, sign_in.url)
        granted = await waiting
        assert is_free(sign_in)
    assert page.status == 200
    assert b"You can close this tab" in page.body
    assert granted.tokens.client_id == practice.client_id
    assert granted.tokens.can_write
    assert granted.clock_ahead.total_seconds() == 0
    found = await list_organisations(
        api_url=practice.api,
        tokens=source(tmp_path, practice, granted.tokens),
        sign_in=practice.client_id,
        is_custom=False,
        is_read_only=False,
    )
    assert [one.short_code for one in found] == [one.short_code for one in practice.organisations]


async def test_a_custom_connection_opens_its_one_organisation(practice: PracticeXero, tmp_path: Path) -> None:
    granted = await asyncio.to_thread(
        custom_connection,
        practice.identity,
        client_id=CUSTOM_CLIENT_ID,
        client_secret=CUSTOM_CLIENT_SECRET,
        scope=SCOPES,
    )
    (found,) = await list_organisations(
        api_url=practice.api,
        tokens=source(tmp_path, practice, granted.tokens),
        sign_in=CUSTOM_CLIENT_ID,
        is_custom=True,
        is_read_only=False,
    )
    first = practice.organisations[0]
    assert (found.tenant_id, found.name, found.short_code) == (first.tenant_id, first.name, first.short_code)
    assert found.is_custom


async def test_removed_organisation_is_no_longer_connected(practice: PracticeXero, tmp_path: Path) -> None:
    async with begun(practice) as sign_in:
        await asyncio.to_thread(consent.sign_in, sign_in.url)
        tokens = source(tmp_path, practice, (await sign_in.tokens()).tokens)
    every = {one.tenant_id for one in practice.organisations}
    assert await connected_tenants(api_url=practice.api, tokens=tokens) == every
    gone = f"connections/{practice.tenant_id}"
    await asyncio.to_thread(practice.control, "POST", gone, {"connected": False})
    assert await connected_tenants(api_url=practice.api, tokens=tokens) == every - {practice.tenant_id}
    await asyncio.to_thread(practice.control, "POST", gone, {"connected": True})


async def test_authorisation_request_has_what_xero_requires(practice: PracticeXero) -> None:
    before = datetime.now(UTC)
    async with begun(practice) as one, begun(practice) as other:
        assert before < one.ends_at - timedelta(minutes=5) < datetime.now(UTC)
        questions = [dict(parse_qsl(urlsplit(sign_in.url).query)) for sign_in in (one, other)]
        port = urlsplit(one.redirect_uri).port
    assert urlsplit(one.url).path == "/identity/connect/authorize"
    question = questions[0]
    assert question["response_type"] == "code"
    assert question["redirect_uri"] == f"http://localhost:{port}/callback"
    assert question["scope"] == "offline_access accounting.contacts accounting.settings.read"
    assert question["code_challenge_method"] == "S256"
    assert all(questions[0][name] != questions[1][name] for name in ("state", "code_challenge"))


async def test_a_read_only_sign_in_asks_for_no_more(practice: PracticeXero) -> None:
    async with begun(practice, scope=READ_SCOPES) as sign_in:
        await asyncio.to_thread(consent.sign_in, sign_in.url)
        granted = await sign_in.tokens()
    assert granted.tokens.scope == "offline_access accounting.contacts.read accounting.settings.read"
    assert not granted.tokens.can_write


async def test_refused_access_is_reported(practice: PracticeXero) -> None:
    async with begun(practice) as sign_in:
        page = await asyncio.to_thread(consent.sign_in, sign_in.url, "deny")
        with pytest.raises(SignInError) as raised:
            await sign_in.tokens()
        assert raised.value.reason is SignInReason.DENIED
        assert "click Allow access" in messages.next_step(raised.value)
        assert is_free(sign_in)
    assert b"Access wasn&#x27;t allowed" in page.body


async def test_another_error_is_named(practice: PracticeXero) -> None:
    async with begun(practice) as sign_in:
        state = parse_qs(urlsplit(sign_in.url).query)["state"][0]
        sign_in.paste(urlencode({"error": "temporarily_unavailable", "state": state}))
        with pytest.raises(SignInError) as raised:
            await sign_in.tokens()
        assert raised.value.notice == Notice(SignInReason.REFUSED, {"error": "temporarily_unavailable"})
        assert "temporarily_unavailable" in messages.message(raised.value)


@pytest.mark.parametrize("wrong", [{"client_id": "0" * 32}, {"scope": "accounting.everything"}])
async def test_a_refused_sign_in_request_is_reported_before_any_browser_opens(
    practice: PracticeXero, wrong: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with pytest.raises(SignInError) as raised:
        async with begun(practice, port=port, **wrong):
            pass
    assert raised.value.reason is SignInReason.APP_NOT_ACCEPTED
    assert f"exactly http://localhost:{port}/callback" in messages.next_step(raised.value)
    assert "developer.xero.com" in messages.next_step(raised.value)
    # The earlier listener is closed, so the next attempt finds the port free.
    async with begun(practice, port=port) as sign_in:
        assert sign_in.redirect_uri == f"http://localhost:{port}/callback"


@pytest.mark.parametrize(
    ("answer", "is_refused"),
    [
        (httpx.Response(400), True),
        (httpx.Response(401), True),
        (httpx.Response(302, headers={"Location": "https://login.xero.com/identity/error?errorId=x"}), True),
        (httpx.Response(302, headers={"Location": "https://login.xero.com/identity/user/login"}), False),
        (httpx.Response(302, headers={"Location": "http://[/identity/error"}), False),
        (httpx.Response(302), False),
        (httpx.Response(200, html="<h1>Sign in</h1>"), False),
        # Bot filters, proxies and outages: the browser will show what it is.
        (httpx.Response(403), False),
        (httpx.Response(429), False),
        (httpx.Response(503), False),
    ],
)
async def test_precheck_of_the_sign_in_page_only_reports_refusals(
    practice: PracticeXero,
    answer: httpx.Response,
    is_refused: bool,  # noqa: FBT001 - a parameter of the case
) -> None:
    asked: list[httpx.Request] = []

    def look(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer

    trouble = None
    try:
        async with begun(practice, transport=httpx.MockTransport(look)) as sign_in:
            assert dict(asked[0].url.params)["state"] not in sign_in.url
    except SignInError as error:
        trouble = error.reason
    assert trouble is (SignInReason.APP_NOT_ACCEPTED if is_refused else None)
    assert [request.method for request in asked] == ["GET"]


async def test_a_missing_network_is_reported_before_any_browser_opens(practice: PracticeXero) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(SignInError) as raised:
        async with begun(practice, login_url=f"http://127.0.0.1:{port}"):
            pass
    assert raised.value.reason is SignInReason.PAGE_UNREACHABLE
    assert messages.next_step(raised.value).startswith("Nothing changed.")


async def test_a_clock_that_breaks_the_secure_connection_is_named(practice: PracticeXero) -> None:
    def not_yet_valid(_: httpx.Request) -> httpx.Response:
        expired = ssl.SSLCertVerificationError("certificate has expired")
        expired.verify_code, expired.verify_message = 10, "certificate has expired"
        raise httpx.ConnectError("x") from expired

    with pytest.raises(NetworkSetupError) as raised:
        async with begun(practice, transport=httpx.MockTransport(not_yet_valid)):
            pass
    assert raised.value.reason is NetworkReason.CERTIFICATE_DATE
    assert "the time on this computer" in messages.message(raised.value)


async def test_slow_sign_in_page_is_not_a_refusal(practice: PracticeXero) -> None:
    def slow(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("x")

    async with begun(practice, transport=httpx.MockTransport(slow)) as sign_in:
        assert sign_in.url


async def test_a_sign_in_that_is_not_finished_times_out(practice: PracticeXero) -> None:
    async with begun(practice, seconds=0) as sign_in:
        with pytest.raises(SignInError) as raised:
            await sign_in.tokens()
        assert raised.value.reason is SignInReason.TIMED_OUT
        assert raised.value.notice.params["length"] == timedelta()
        assert sign_in.redirect_uri in messages.next_step(raised.value)
        assert is_free(sign_in)


async def test_the_usual_time_limit_is_given_in_minutes(
    practice: PracticeXero, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with begun(practice) as sign_in:
        monkeypatch.setattr(sign_in, "_deadline", 0.0)
        with pytest.raises(SignInError) as raised:
            await sign_in.tokens()
        assert "within 5 minutes." in messages.message(raised.value)


@pytest.mark.parametrize("shape", ["{}", "  {}\n", "'{}'", "<{}>", "wrapped", "query", "?query", "elsewhere"])
async def test_address_from_another_computers_browser_can_be_pasted(
    practice: PracticeXero, shape: str
) -> None:
    async with begun(practice) as sign_in:
        address = await asyncio.to_thread(consent.decide, sign_in.url)
        query = urlsplit(address).query
        pasted = {
            "wrapped": "\n  ".join(address[start : start + 60] for start in range(0, len(address), 60)),
            "query": query,
            "?query": f"?{query}",
            "elsewhere": f"https://localhost/?{query}#top",
        }.get(shape, shape.format(address))
        sign_in.paste(pasted)
        assert (await sign_in.tokens()).tokens.refresh_token
        assert is_free(sign_in)


async def test_pasting_something_else_does_not_end_the_wait(practice: PracticeXero) -> None:
    async with begun(practice) as sign_in, begun(practice) as other:
        address = await asyncio.to_thread(consent.decide, sign_in.url)
        of_another = await asyncio.to_thread(consent.decide, other.url)
        for wrong in (
            "",
            "hello",
            sign_in.url,
            sign_in.redirect_uri,
            of_another,
            "?\udcff=\udcff&state=\udcff",
        ):
            with pytest.raises(SignInError) as raised:
                sign_in.paste(wrong)
            assert raised.value.reason is SignInReason.WRONG_ADDRESS
            assert f"{sign_in.redirect_uri}?" in messages.next_step(raised.value)
        sign_in.paste(address)
        assert (await sign_in.tokens()).tokens.refresh_token


async def test_cancelling_frees_the_port_and_ends_the_wait(practice: PracticeXero) -> None:
    async with begun(practice) as sign_in:
        waiting = asyncio.create_task(sign_in.tokens())
        await asyncio.sleep(0)
        assert not is_free(sign_in)
        await sign_in.aclose()
        assert is_free(sign_in)
        with pytest.raises(SignInError) as raised:
            await waiting
        assert raised.value.reason is SignInReason.CANCELLED
        await sign_in.aclose()


async def test_reply_after_a_cancel_is_discarded(practice: PracticeXero) -> None:
    async with begun(practice) as sign_in:
        sign_in.paste(await asyncio.to_thread(consent.decide, sign_in.url))
        await sign_in.aclose()
        with pytest.raises(SignInError) as raised:
            await sign_in.tokens()
        assert raised.value.reason is SignInReason.CANCELLED


async def test_two_attempts_at_once_do_not_share_a_port(practice: PracticeXero) -> None:
    async with begun(practice) as first:
        port = urlsplit(first.redirect_uri).port
        with pytest.raises(SignInError) as raised:
            async with begun(practice, port=port):
                pass
        assert raised.value.notice == Notice(SignInReason.PORT_IN_USE, {"port": port or 0})
        await asyncio.to_thread(consent.sign_in, first.url)
        assert (await first.tokens()).tokens.refresh_token


async def test_the_browser_tab_of_an_earlier_attempt_shows_that_it_is_outdated(
    practice: PracticeXero,
) -> None:
    async with begun(practice) as earlier:
        port = urlsplit(earlier.redirect_uri).port
        address = await asyncio.to_thread(consent.decide, earlier.url)
    async with begun(practice, port=port) as sign_in:
        page = await asyncio.to_thread(http, "GET", address)
        assert page.status == 400
        assert b"It may be from an earlier attempt" in page.body
        await asyncio.to_thread(consent.sign_in, sign_in.url)
        assert (await sign_in.tokens()).tokens.refresh_token


async def test_a_code_is_useless_without_its_verifier(practice: PracticeXero) -> None:
    async with begun(practice) as sign_in:
        code = parse_qs(urlsplit(await asyncio.to_thread(consent.decide, sign_in.url)).query)["code"][0]
        form = {
            "grant_type": "authorization_code",
            "client_id": practice.client_id,
            "code": code,
            "redirect_uri": sign_in.redirect_uri,
            "code_verifier": "guessed" * 10,
        }
        reply = await asyncio.to_thread(http, "POST", f"{practice.identity}/connect/token", form=form)
    assert reply.json() == {"error": "invalid_grant"}


async def test_a_network_lost_meanwhile_is_reported(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, "--contacts", "20", "--cycle", "3600") as practice:
        async with begun(practice) as sign_in:
            sign_in.paste(await asyncio.to_thread(consent.decide, sign_in.url))
            practice.stop()
            with pytest.raises(OfflineError) as raised:
                await sign_in.tokens()
            assert raised.value.reason is SignInReason.SERVICE_UNREACHABLE
            assert messages.next_step(raised.value).startswith("Nothing changed.")


async def test_nothing_secret_is_logged_or_shown(
    practice: PracticeXero, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logger.setLevel(logging.DEBUG)
    async with begun(practice) as sign_in:
        address = await asyncio.to_thread(consent.decide, sign_in.url)
        answer = dict(parse_qsl(urlsplit(address).query))
        page = await asyncio.to_thread(http, "GET", address)
        secrets = [answer["code"], answer["state"], str(sign_in._verifier)]
        shown = [repr(sign_in), repr(vars(sign_in)).replace(sign_in.url, "")]
        # Used by somebody else, so that the exchange fails with all three in memory.
        form = {
            "grant_type": "authorization_code",
            "client_id": practice.client_id,
            "code": answer["code"],
            "redirect_uri": sign_in.redirect_uri,
            "code_verifier": sign_in._verifier,
        }
        await asyncio.to_thread(http, "POST", f"{practice.identity}/connect/token", form=form)
        with pytest.raises(SignInError) as raised:
            await sign_in.tokens()
        frames = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
        ours = [one for one in frames.stack if "/tui/" in one.filename]
        assert ours
        shown += [str(one.locals) for one in ours]
        with pytest.raises(SignInError) as pasted:
            sign_in.paste(f"{address}x")
        frames = traceback.TracebackException.from_exception(pasted.value, capture_locals=True)
        shown += [str(one.locals) for one in frames.stack if "/tui/" in one.filename]
    assert page.status == 200
    for secret in secrets:
        assert secret
        assert secret not in "".join(shown)
        assert secret not in caplog.text
