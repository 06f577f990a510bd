"""Proxies and trusted certificates from the environment, and errors caused by them.

The only reader of the environment's network variables. httpx would read them too, but raises odd errors for
values that it can't parse; its clients are therefore made with the transports of this module.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import ssl
import warnings
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit
from urllib.request import getproxies

import httpx
import truststore
from socksio.exceptions import SOCKSError

from tui.model.errors import NetworkSetupError
from tui.model.reasons import NetworkReason
from tui.net.loopback import is_loopback
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.model.reasons import Service

_PROXY_SCHEMES: Final = frozenset({"http", "https", "socks5", "socks5h"})
# The timeout, in seconds, for each step of inspecting a failed certificate.
_PROBE: Final = 5.0
_LONGEST_ISSUER: Final = 100

# By the `verify_code` of a failed certificate: OpenSSL's numbers, those of macOS, and those of Windows.
# Services renew certificates well ahead: an invalid date means that this computer's date is wrong.
_CERTIFICATE_REASONS: Final = {
    **dict.fromkeys((9, 10, -67818, -67819, 0x800B0101), NetworkReason.CERTIFICATE_DATE),
    **dict.fromkeys((62, 64, -67602, 0x800B010F), NetworkReason.CERTIFICATE_NAME),
    18: NetworkReason.CERTIFICATE_SELF_SIGNED,
    **dict.fromkeys(
        (19, 20, 21, 27, -67843, -25318, 0x800B0109, 0x800B010A), NetworkReason.CERTIFICATE_UNTRUSTED
    ),
}


def transport(url: str) -> httpx.BaseTransport:
    """Return the transport of a blocking client. Raises `NetworkSetupError`."""
    return _Transport(verify=_ssl_context_for(url), proxy=_proxy_for(url), trust_env=False)


def async_transport(url: str) -> httpx.AsyncBaseTransport:
    """Return the transport of an asynchronous client. Raises `NetworkSetupError`."""
    return _AsyncTransport(verify=_ssl_context_for(url), proxy=_proxy_for(url), trust_env=False)


class _Transport(httpx.HTTPTransport):
    """Converts errors of SOCKS and host names to httpx's own, which httpx doesn't."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return super().handle_request(request)
        except SOCKSError as error:
            raise httpx.ProxyError(str(error), request=request) from error
        except UnicodeError as error:
            raise httpx.ConnectError("not the name of a host", request=request) from error


class _AsyncTransport(httpx.AsyncHTTPTransport):
    """The asynchronous `_Transport`."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except SOCKSError as error:
            raise httpx.ProxyError(str(error), request=request) from error
        except UnicodeError as error:
            raise httpx.ConnectError("not the name of a host", request=request) from error


# --- proxies ---


@dataclass(frozen=True, slots=True)
class _ProxySetting:
    """The proxy for a URL. `url` may contain a password.

    `source` is the environment variable that sets it, empty for the system's settings.
    """

    url: str = field(repr=False)
    source: str

    @property
    def parts(self) -> SplitResult:
        """The parts of the URL. Raises `ValueError`."""
        return urlsplit(self.url)

    @property
    def name(self) -> str:
        """The proxy's host and port, without user name and password."""
        with suppress(ValueError):
            return self.parts.netloc.rpartition("@")[2]
        return ""


def _proxy_setting(url: str) -> _ProxySetting | None:
    """Find the proxy for a URL, as curl does; never for this computer itself."""
    if is_loopback(url):
        return None
    settings = getproxies()
    target = urlsplit(url)
    key = target.scheme if settings.get(target.scheme) else "all"
    address = settings.get(key, "").strip()
    if not address or _is_excluded(target, settings.get("no", "")):
        return None
    full = address if "://" in address else f"http://{address}"
    return _ProxySetting(full, _variable(f"{key}_proxy"))


def _variable(name: str) -> str:
    """Return the name of a set environment variable in its own spelling; lower case wins. Empty if unset."""
    names = [name, *sorted(variable for variable in os.environ if variable.lower() == name)]
    return next((variable for variable in names if os.environ.get(variable)), "")


def _is_excluded(target: SplitResult, no_proxy: str) -> bool:
    """Return whether NO_PROXY excludes a URL. Invalid entries are ignored."""
    return any(_excludes(entry, target) for entry in re.split(r"[,;\s]+", no_proxy.lower()) if entry)


def _excludes(entry: str, target: SplitResult) -> bool:
    """Match a host (optionally with port), domain, IP address, or network such as `10.0.0.0/8`."""
    if entry == "*":
        return True
    host = (target.hostname or "").rstrip(".")
    scheme, _, rest = entry.rpartition("://")
    if scheme not in {"", "all", target.scheme}:
        return False
    with suppress(ValueError):
        # Without the brackets of an IPv6 address; anything after it, except a prefix length, is a port.
        network = ipaddress.ip_network(re.sub(r"^\[([^\]]*)\](?=$|/)", r"\1", rest), strict=False)
        return ipaddress.ip_address(host) in network
    try:
        excluded = urlsplit(f"//{rest}")
        name, port = (excluded.hostname or "").removeprefix("*").strip("."), excluded.port
    except ValueError:
        return False
    if port not in {None, _port(target)}:
        return False
    return bool(name) and (host == name or host.endswith(f".{name}"))


def _port(target: SplitResult) -> int:
    return target.port or (443 if target.scheme == "https" else 80)


def _proxy_for(url: str) -> httpx.Proxy | None:
    """Return the proxy for a URL, for httpx. Raises `NetworkSetupError`."""
    setting = _proxy_setting(url)
    if setting is None:
        return None
    with suppress(ValueError, httpx.InvalidURL):
        parts = setting.parts
        # An unescaped `/`, `?` or `#` in a password would make its beginning the host.
        is_split = "@" in f"{parts.path}{parts.query}{parts.fragment}"
        # Accessing the port validates it.
        if parts.scheme in _PROXY_SCHEMES and parts.hostname and parts.port != 0 and not is_split:
            # For the proxy's own certificate: httpx would read SSLKEYLOGFILE otherwise.
            context = _ssl_context_for(setting.url) if parts.scheme == "https" else None
            return httpx.Proxy(setting.url, ssl_context=context)
    # Raised here, so that no traceback contains the proxy's password.
    raise NetworkSetupError(NetworkReason.PROXY_ADDRESS_INVALID, source=setting.source)


# --- certificates ---


def _ssl_context_for(url: str) -> ssl.SSLContext:
    """Return the TLS context for a URL. Raises `NetworkSetupError`."""
    if urlsplit(url).scheme != "https":
        return _plain_context()
    return _ssl_context(os.environ.get("SSL_CERT_FILE", ""), os.environ.get("SSL_CERT_DIR", ""))


@cache
def _plain_context() -> ssl.SSLContext:
    """Return a context for connections without TLS, so that httpx doesn't load certificates for them."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@cache
def _ssl_context(cert_file: str, cert_dir: str) -> ssl.SSLContext:
    """Trust the system's certificates and those named by the two variables.

    Unlike `ssl.create_default_context`, this ignores SSLKEYLOGFILE: session keys are never written to a file.
    """
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if cert_file:
        _load_certificates(context, cert_file)
    if cert_dir:
        # Unlike `Path`, `os.path` never raises for an invalid name.
        if not any(map(os.path.isdir, cert_dir.split(os.pathsep))):
            raise NetworkSetupError(NetworkReason.CERTIFICATE_FOLDER_MISSING)
        context.load_verify_locations(capath=cert_dir)
    return context


def _load_certificates(context: ssl.SSLContext, file: str) -> None:
    """Load a certificate file. Raises `NetworkSetupError`."""
    if os.path.isdir(file):  # noqa: PTH112 - see `_ssl_context`
        raise NetworkSetupError(NetworkReason.CERTIFICATE_FILE_IS_FOLDER)
    # Reading a pipe or a device might never end.
    if os.path.exists(file) and not os.path.isfile(file):  # noqa: PTH110, PTH113 - as above
        raise NetworkSetupError(NetworkReason.CERTIFICATE_FILE_IRREGULAR)
    try:
        context.load_verify_locations(cafile=file)
    except FileNotFoundError:
        raise NetworkSetupError(NetworkReason.CERTIFICATE_FILE_MISSING) from None
    except ssl.SSLError:
        raise NetworkSetupError(NetworkReason.CERTIFICATE_FILE_INVALID) from None
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        raise NetworkSetupError(NetworkReason.CERTIFICATE_FILE_UNREADABLE, problem=problem) from None


# --- for the user ---


@dataclass(frozen=True, slots=True)
class ProxyFacts:
    """A proxy without its address, which may be confidential: the scheme, and the variable that sets it."""

    scheme: str
    source: str
    has_login: bool


def describe_proxy(url: str) -> ProxyFacts | None:
    """Return what is known about the proxy for a URL; None if there is none. Raises `NetworkSetupError`."""
    setting = _proxy_setting(url)
    if setting is None or _proxy_for(url) is None:
        return None
    return ProxyFacts(setting.parts.scheme, setting.source, "@" in setting.parts.netloc)


def describe_certificates() -> tuple[str, ...]:
    """Return the variables that name certificates besides the system's. Raises `NetworkSetupError`."""
    variables = ("SSL_CERT_FILE", "SSL_CERT_DIR")
    _ssl_context(*(os.environ.get(variable, "") for variable in variables))
    return tuple(variable for variable in variables if os.environ.get(variable))


# --- errors ---


def setup_problem(error: BaseException, url: str, service: Service) -> NetworkSetupError | None:
    """Return an error for a certificate, TLS or proxy failure; `None` for other failures.

    Blocks: the server is contacted again to read a failed certificate.
    """
    setting = _proxy_setting(url)
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            if setting is not None and _is_proxy_untrusted(setting):
                return _certificate_problem(cause, setting.url, service, proxy=setting.name)
            via = None if setting is None else _proxy_for(url)
            return _certificate_problem(cause, url, service, via=via)
        # A dropped connection is an ordinary connection failure.
        if isinstance(cause, ssl.SSLError) and not isinstance(
            cause, ssl.SSLEOFError | ssl.SSLZeroReturnError
        ):
            return NetworkSetupError(
                NetworkReason.NO_TLS,
                service=service,
                proxy="" if setting is None else setting.name,
                source="" if setting is None else setting.source,
            )
    return None if setting is None else _proxy_problem(error, url, service, setting)


def _proxy_problem(
    error: BaseException, url: str, service: Service, setting: _ProxySetting
) -> NetworkSetupError | None:
    if isinstance(error, httpx.ProxyError):
        message = str(error)
        if message.startswith("407") or "username" in message.lower() or "requested" in message.lower():
            return proxy_password_problem(url)
        return NetworkSetupError(
            NetworkReason.PROXY_REFUSED,
            service=service,
            proxy=setting.name,
            source=setting.source,
            status=message[:3] if message[:3].isdecimal() else "",
        )
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
        return NetworkSetupError(NetworkReason.PROXY_UNREACHABLE, proxy=setting.name, source=setting.source)
    return None


def proxy_password_problem(url: str) -> NetworkSetupError:
    """Return the error for a proxy that requires a password or rejects it (HTTP 407)."""
    setting = _proxy_setting(url)
    if setting is None:
        return NetworkSetupError(NetworkReason.PROXY_NOT_SET)
    has_login = "@" in setting.parts.netloc
    return NetworkSetupError(
        NetworkReason.PROXY_LOGIN_REFUSED if has_login else NetworkReason.PROXY_LOGIN_REQUIRED,
        proxy=setting.name,
        source=setting.source,
        scheme=setting.parts.scheme,
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _is_proxy_untrusted(setting: _ProxySetting) -> bool:
    """Return whether the proxy's own certificate is untrusted; blocks."""
    host, port = setting.parts.hostname or "", setting.parts.port or 443
    if setting.parts.scheme != "https":
        return False
    try:
        with (
            socket.create_connection((host, port), _PROBE) as line,
            _ssl_context_for(setting.url).wrap_socket(line, server_hostname=host),
        ):
            return False
    except ssl.SSLCertVerificationError:
        return True
    except (OSError, ValueError):
        return False


def _certificate_problem(
    failed: ssl.SSLCertVerificationError,
    url: str,
    service: Service,
    *,
    proxy: str = "",
    via: httpx.Proxy | None = None,
) -> NetworkSetupError:
    """Return the error for a certificate of the service, or of the proxy if one is named."""
    code = failed.verify_code
    return NetworkSetupError(
        # Windows' numbers may be signed.
        _CERTIFICATE_REASONS.get(code)
        or _CERTIFICATE_REASONS.get(code & 0xFFFFFFFF, NetworkReason.CERTIFICATE_UNVERIFIED),
        service=service,
        proxy=proxy,
        host=urlsplit(url).hostname or "",
        issuer=_issuer(url, via),
        now=datetime.now().astimezone(),
        problem=failed.verify_message or str(code),
    )


def _issuer(url: str, proxy: httpx.Proxy | None) -> str:
    """Return the issuer of the certificate that a server presents, valid or not; empty if unknown.

    Python doesn't expose a failed certificate, so this connects again and disconnects once the certificate is
    received: nothing is sent over an untrusted connection.
    """
    probe_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    probe_context.check_hostname, probe_context.verify_mode = False, ssl.CERT_NONE
    certificates: list[bytes] = []

    def capture_certificate(event: str, info: dict[str, Any]) -> None:
        if not event.endswith("start_tls.complete"):
            return
        connection = info["return_value"].get_extra_info("ssl_object")
        # With a proxy there are two; the proxy's own is verified.
        if connection is not None and connection.context is probe_context:
            certificates.append(connection.getpeercert(True) or b"")  # noqa: FBT003 - positional-only
            info["return_value"].close()
            raise _ShownError

    try:
        with httpx.HTTPTransport(verify=probe_context, proxy=proxy, trust_env=False) as line:
            request = httpx.Request("HEAD", url, extensions={
                "timeout": httpx.Timeout(_PROBE).as_dict(), "trace": capture_certificate,
            })  # fmt: skip
            line.handle_request(request)
    except _ShownError:
        return _issuer_of(certificates[0])
    # Any failure: the issuer is only extra information.
    except Exception as error:  # noqa: BLE001
        logger.info("the issuer of the certificate isn't known: %s", type(error).__name__)
    return ""


class _ShownError(Exception):
    """Ends a connection once it has the certificate."""


def _issuer_of(certificate: bytes) -> str:
    from cryptography import x509

    # Malformed certificates cause warnings or many types of exceptions.
    with warnings.catch_warnings(action="ignore"), suppress(Exception):
        issuer = x509.load_der_x509_certificate(certificate).issuer
        for kind in (x509.NameOID.COMMON_NAME, x509.NameOID.ORGANIZATION_NAME):
            for attribute in issuer.get_attributes_for_oid(kind):
                return str(attribute.value)[:_LONGEST_ISSUER]
    return ""


def is_proxy_password_wanted(response: httpx.Response) -> bool:
    """Return whether a proxy replied instead of the service because it requires a password."""
    return response.status_code == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
