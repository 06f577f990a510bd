"""Proxies and certificates: settings of the environment, and the reasons of their errors."""

from __future__ import annotations

import asyncio
import gc
import os
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from support.proxies import answering, connecting_to, serving, socks_to
from support.tls import NOTHING_MORE, tls_server

from tui import messages
from tui.model.errors import FeedError, NetworkSetupError, OfflineError, ReshelveError
from tui.model.reasons import XeroReason
from tui.net import environment
from tui.re_leased.feed import FeedEvidenceSource
from tui.xero.auth.sign_in import is_refused
from tui.xero.auth.token_endpoint import refresh_tokens
from tui.xero.auth.token_store import Tokens
from tui.xero.http_client import HttpClient

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

XERO = "https://api.xero.test"
VARIABLES = (
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSLKEYLOGFILE",
)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


# Every client of a service, with the errors it raises.


def ask_xero(url: str) -> None:
    async def ask() -> None:
        line = HttpClient(url, None)
        try:
            answer = await line.send("GET", "/")
        finally:
            await line.aclose()
        if isinstance(answer, ReshelveError):
            raise answer
        assert answer.text == "{}"

    asyncio.run(ask())


def ask_for_tokens(url: str) -> None:
    refresh_tokens(url, Tokens.from_refresh_token("hush", "client"))


def ask_for_a_sign_in(url: str) -> None:
    is_refused(url, None)


def ask_the_feed(url: str) -> None:
    async def look() -> None:
        observer = FeedEvidenceSource(feed_url=url, tenant_id="tenant")
        try:
            await observer.fetch(None)
        finally:
            await observer.aclose()

    asyncio.run(look())


ALL = pytest.mark.parametrize("reach", [ask_xero, ask_for_tokens, ask_for_a_sign_in, ask_the_feed])


def problem(reach: Callable[[str], None], url: str) -> ReshelveError:
    """Return the error: for the feed of its own kind, for Xero as certainly not sent."""
    with pytest.raises(ReshelveError) as raised:
        reach(url)
    assert isinstance(raised.value, FeedError if reach is ask_the_feed else NetworkSetupError)
    assert raised.value.retryable
    assert messages.next_step(raised.value)
    return raised.value


# --- what is set ---


@ALL
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "htp://user:hush-1@proxy:8080"),
        ("https_proxy", "://user:hush-1@proxy"),
        ("ALL_PROXY", "socks4://user:hush-1@proxy:1080"),
        ("all_proxy", "http://user:hush-1@proxy:port"),
        ("HTTPS_PROXY", "http://user:hush-1@proxy:99999"),
        ("HTTPS_PROXY", "http://user:hush-1@[::1"),
        ("HTTPS_PROXY", "http://user:hush-1@"),
        ("HTTPS_PROXY", "http://user:12/hush-1@127.0.0.1:9"),
        ("https_proxy", "http://user:12#hush-1@127.0.0.1:9"),
        ("ALL_PROXY", "socks5h://user:12?hush-1@127.0.0.1:9"),
        ("SSL_CERT_FILE", "/nowhere/roots.pem"),
        ("SSL_CERT_FILE", "{folder}"),
        ("SSL_CERT_FILE", "{folder}/empty.pem"),
        ("SSL_CERT_FILE", "{folder}/binary.pem"),
        ("SSL_CERT_FILE", "{folder}/pipe.pem"),
        ("SSL_CERT_FILE", "/dev/zero"),
        ("SSL_CERT_FILE", "/{long}.pem"),
        ("SSL_CERT_DIR", "/nowhere"),
        ("SSL_CERT_DIR", "{folder}/empty.pem"),
        ("SSL_CERT_DIR", "/{long}"),
    ],
)
def test_invalid_setting_is_named_without_its_secrets(
    reach: Callable[[str], None], variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty.pem").write_bytes(b"")
    (tmp_path / "binary.pem").write_bytes(b"\x30\x82\x01\x00")
    os.mkfifo(tmp_path / "pipe.pem")
    monkeypatch.setenv(variable, value.format(folder=tmp_path, long="x" * 300))
    failure = problem(reach, XERO)
    assert variable in messages.message(failure)
    assert "restart Reshelve" in messages.next_step(failure)
    assert "hush-1" not in f"{messages.in_full(failure)} {failure!r}"
    # A service on this computer is contacted without the proxy; here there is none.
    with pytest.raises(ReshelveError) as raised:
        reach("http://127.0.0.1:9")
    assert "reach" in messages.message(raised.value)


def test_corrected_setting_is_used_at_the_next_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    assert "doesn't exist" in messages.message(problem(ask_xero, "https://127.0.0.1:9"))
    with tls_server(tmp_path, answer=NOTHING_MORE) as (url, _):
        ask_xero(url)


def test_certificates_from_the_environment_are_used_for_this_computer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls_server(tmp_path, issuer="Practice root", answer=NOTHING_MORE) as (url, _):
        assert "isn't trusted" in messages.message(problem(ask_xero, url))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
        ask_xero(url)


@pytest.mark.parametrize("place", ["/nowhere/keys", "{folder}"])
def test_tls_keys_are_never_logged(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with tls_server(tmp_path, answer=NOTHING_MORE) as (url, _):
        monkeypatch.setenv("SSLKEYLOGFILE", place.format(folder=tmp_path))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
        ask_xero(url)


# --- which proxy ---


@pytest.mark.parametrize(
    ("excluded", "is_excluded"),
    [
        ("fd07::/64", False),
        ("[::1]", False),
        ("::1/128, 10.0.0.0/8,,[::1", False),
        ("http://[, :::, a:b:c, xero.test:port", False),
        ("xero.test", True),
        (".xero.test", True),
        ("*.xero.test", True),
        ("API.XERO.TEST", True),
        ("other.test api.xero.test", True),
        ("api.xero.test:443", True),
        ("api.xero.test:8443", False),
        ("https://api.xero.test", True),
        ("http://api.xero.test", False),
        ("ero.test", False),
        ("other.test, *", True),
    ],
)
def test_no_proxy_excludes_named_hosts_and_ignores_odd_entries(
    excluded: str, *, is_excluded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", excluded)
    assert (environment._proxy_for(XERO) is None) == is_excluded


@pytest.mark.parametrize(
    ("host", "excluded", "is_excluded"),
    [
        ("[fd07::5]", "fd07::/64", True),
        ("[fd07::5]", "[fd07::]/64", True),
        ("[fd07::5]", "[fd07::5]", True),
        ("[fd07::5]", "[fd07::5]:8443", True),
        ("[fd07::5]", "[fd07::5]:443", False),
        ("10.1.2.3", "other.test;10.1.2.3", True),
        ("[fd07:1::5]", "fd07::/64", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "192.168.0.0/16, fd07::/64", False),
    ],
)
def test_no_proxy_accepts_addresses_and_networks(
    host: str, excluded: str, *, is_excluded: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", excluded)
    assert (environment._proxy_for(f"https://{host}:8443/x") is None) == is_excluded


@pytest.mark.parametrize("url", ["http://127.0.0.1:8000", "https://localhost", "http://[::1]:8000"])
def test_this_computer_is_never_reached_through_a_proxy(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:1")
    assert environment._proxy_for(url) is None


@pytest.mark.parametrize(
    ("scheme", "talk"),
    [("http", connecting_to), ("socks5", socks_to), ("socks5h", socks_to), ("", connecting_to)],
)
def test_requests_to_xero_go_through_the_proxy(
    scheme: str, talk: Callable[[int], Callable[..., None]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    with (
        tls_server(tmp_path, host="api.xero.test", issuer="Root", answer=NOTHING_MORE) as (url, _),
        serving(talk(urlsplit(url).port or 0)) as proxy,
    ):
        monkeypatch.setenv("ALL_PROXY", f"{scheme}://{proxy}" if scheme else proxy)
        ask_xero(XERO)


# --- what goes wrong ---


@ALL
@pytest.mark.parametrize(
    ("made", "words", "advice"),
    [
        ({"issuer": "Firm Proxy Root"}, ("isn't trusted", "“Firm Proxy Root”"), "SSL_CERT_FILE"),
        ({}, ("self-signed", "“test”"), "root certificate"),
        ({"valid_from_days": -20}, ("the time on this computer", "“test”"), "date and time"),
        ({"valid_from_days": 5}, ("the time on this computer",), "date and time"),
        ({"host": "login.hotel.example"}, ("isn't for 127.0.0.1",), "network"),
    ],
)
def test_invalid_certificate_is_reported_with_its_issuer_and_next_step(  # noqa: PLR0917 - parameters
    reach: Callable[[str], None],
    made: dict[str, str | int],
    words: tuple[str, ...],
    advice: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with tls_server(tmp_path, **made) as (url, _):  # type: ignore[arg-type]
        if made and "issuer" not in made:
            # Trusted, except for its fault.
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
        failure = problem(reach, url)
    assert all(word in messages.message(failure) for word in words)
    assert advice in messages.next_step(failure)


def test_the_issuer_is_found_behind_a_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        tls_server(tmp_path, host="api.xero.test", issuer="Firm Proxy Root") as (url, _),
        serving(connecting_to(urlsplit(url).port or 0)) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy}")
        assert "Firm Proxy Root" in messages.message(problem(ask_xero, XERO))


@ALL
def test_invalid_certificate_of_a_proxy_is_reported_as_such(
    reach: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tls_server(tmp_path, issuer="Firm Proxy Root") as (proxy, _):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        failure = problem(reach, XERO)
    host = proxy.removeprefix("https://")
    assert f"the proxy {host} failed: its certificate isn't trusted" in messages.message(failure)
    assert "Firm Proxy Root" in messages.message(failure)


@ALL
@pytest.mark.parametrize("has_proxy", [False, True])
@pytest.mark.parametrize("reply", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x03\x00\x02\x02\x28"])
def test_server_without_tls_is_not_reported_as_an_unreachable_proxy(
    reach: Callable[[str], None], reply: bytes, *, has_proxy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        serving(answering(reply)) as server,
        serving(connecting_to(int(server.rpartition(":")[2]))) as proxy,
    ):
        if has_proxy:
            monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy}")
        failure = problem(reach, XERO if has_proxy else f"https://{server}")
    assert "secure connection" in messages.message(failure)
    assert (f"through the proxy {proxy} (set in HTTPS_PROXY)" in messages.message(failure)) == has_proxy


def test_unreadable_certificate_has_no_issuer(tmp_path: Path) -> None:
    with tls_server(tmp_path, issuer="Root"):
        certificate = ssl.PEM_cert_to_DER_cert((tmp_path / "trusted.pem").read_text())
    assert environment._issuer_of(certificate) == "Root"
    version = certificate.index(b"\xa0\x03\x02\x01\x02") + 4
    assert environment._issuer_of(certificate[:version] + b"\x09" + certificate[version + 1 :]) == ""
    # The number is the next thing in it, and must not be negative: the rest of it is read.
    assert environment._issuer_of(certificate[: version + 3] + b"\x80" + certificate[version + 4 :]) == "Root"


def test_finding_the_issuer_sends_no_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[bytes] = []
    receive = ssl.SSLSocket.recv

    def listen(self: ssl.SSLSocket, size: int = 1024, flags: int = 0) -> bytes:
        heard = receive(self, size, flags)
        received.append(heard)
        return heard

    monkeypatch.setattr(ssl.SSLSocket, "recv", listen)
    with tls_server(tmp_path, issuer="Root", answer=NOTHING_MORE) as (url, _):
        assert "Root" in messages.message(problem(ask_xero, url))
    assert b"".join(received) == b""


WANTS_PASSWORD = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"


@ALL
def test_unconfigured_proxy_that_wants_a_password_is_reported(reach: Callable[[str], None]) -> None:
    with serving(answering(WANTS_PASSWORD)) as gateway:
        failure = problem(reach, f"http://{gateway}")
    assert "requires a user name and password (HTTP 407)" in messages.message(failure)
    assert "HTTPS_PROXY" in messages.next_step(failure)


@ALL
@pytest.mark.parametrize("url", [XERO, "http://api.xero.test"])
def test_proxy_that_wants_a_password_is_reported(
    reach: Callable[[str], None], url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(answering(WANTS_PASSWORD)) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"http://{proxy}")
        failure = problem(reach, url)
        assert "requires a user name and password" in messages.message(failure)
        assert "ALL_PROXY" in messages.next_step(failure)
        monkeypatch.setenv("ALL_PROXY", f"http://user:hush-1@{proxy}")
        failure = problem(reach, url)
    assert "doesn't accept its user name and password" in messages.message(failure)
    assert "hush-1" not in f"{messages.in_full(failure)} {failure!r}"


# httpcore leaves the socket of a SOCKS proxy that refuses to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@ALL
@pytest.mark.parametrize(
    ("scheme", "reply", "words"),
    [
        ("http", b"HTTP/1.1 403 Forbidden\r\n\r\n", "doesn't connect to"),
        ("http", b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "HTTP 502"),
        ("socks5h", b"\x05\xff", "user name and password"),
        ("socks5h", b"\x05", "doesn't connect to"),
        ("socks5", b"HTTP/1.1 400 Bad Request\r\n\r\n", "doesn't connect to"),
        ("socks5", b"", "doesn't connect to"),
    ],
)
def test_proxy_that_refuses_or_replies_nonsense_is_reported(
    reach: Callable[[str], None], scheme: str, reply: bytes, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(answering(reply)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://{proxy}")
        error = problem(reach, XERO)
        what, next_step = messages.message(error), messages.next_step(error)
    # The error holds the frames that hold the socket.
    del error
    gc.collect(1)
    assert words in what
    assert "HTTPS_PROXY" in f"{what} {next_step}"


@ALL
@pytest.mark.parametrize("scheme", ["http", "socks5h"])
@pytest.mark.parametrize("proxy", ["127.0.0.1:9", "pro xy:80", f"{'x' * 64}.test:80"])
def test_unreachable_proxy_is_reported(
    reach: Callable[[str], None], scheme: str, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"{scheme}://{proxy}")
    assert f"{proxy} (set in HTTPS_PROXY) can't be reached" in messages.message(problem(reach, XERO))


def test_proxy_from_the_system_settings_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "getproxies", lambda: {"https": "http://127.0.0.1:9"})
    failure = messages.message(problem(ask_xero, XERO))
    assert "127.0.0.1:9 (set in the system's proxy settings) can't be reached" in failure


def test_unreachable_service_without_a_proxy_is_reported_as_unreachable() -> None:
    with pytest.raises(OfflineError) as raised:
        ask_xero("http://127.0.0.1:9")
    assert raised.value.reason is XeroReason.OFFLINE
    assert not isinstance(raised.value, NetworkSetupError)
