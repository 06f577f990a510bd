"""Texts about proxies, certificates and networks that prevent a connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tui.messages.texts import Catalogue, Text
from tui.model.reasons import ConnectionReason, NetworkReason, Service, TaskReason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tui.model.reasons import Param

_SERVICES: Final[Mapping[Param, str]] = {
    Service.XERO: "Xero",
    Service.SIGN_IN: "Xero's sign-in service",
    Service.SIGN_IN_PAGE: "Xero's sign-in page",
    Service.FEED: "the Re-Leased feed",
    Service.UNIFIED: "Unified.to",
}
_CERTIFICATE_FILE: Final = "The certificates in SSL_CERT_FILE can't be loaded: "
_SET_CERTIFICATE_FILE: Final = (
    "Set SSL_CERT_FILE to a certificate file in PEM format, or remove it, then restart Reshelve."
)
_CHECK_NETWORK: Final = "Check that you are signed in to this network."
_INSTALL_ROOT: Final = (
    "If your company's network inspects secure connections, ask your IT support for the proxy's root "
    "certificate. Install it in the system's certificate store, or set SSL_CERT_FILE to its file and restart "
    "Reshelve."
)


def _source(params: Mapping[str, Param]) -> str:
    return "{source}" if params["source"] else "the system's proxy settings"


def _proxy(params: Mapping[str, Param]) -> str:
    return f"{{proxy}} (set in {_source(params)})"


def _login(problem: str) -> Callable[[Mapping[str, Param]], Text]:
    """Return the text for a proxy that requires another user name and password."""
    return lambda params: Text(
        f"The proxy {{proxy}} {problem}.",
        f"Set them in {_source(params)} as {{scheme}}://user:password@host:port, then restart Reshelve. Ask "
        "your IT support for them.",
    )


def _certificate(problem: str, next_step: str) -> Callable[[Mapping[str, Param]], Text]:
    """Return the text for a certificate: of the proxy if one is given, otherwise of the service."""

    def text(params: Mapping[str, Param]) -> Text:
        server = "the proxy {proxy}" if params["proxy"] else _SERVICES[params["service"]]
        issued = " It was issued by “{issuer}”." if params["issuer"] else ""
        return Text(
            f"The secure connection to {server} failed: its certificate {problem}.{issued}", next_step
        )

    return text


def _no_tls(params: Mapping[str, Param]) -> Text:
    via = f" through the proxy {_proxy(params)}" if params["proxy"] else ""
    return Text(
        f"Can't make a secure connection to {_SERVICES[params['service']]}{via}: the server that replied "
        "doesn't use TLS as expected.",
        f"{_CHECK_NETWORK} If this keeps happening, ask your IT support.",
    )


def _proxy_refused(params: Mapping[str, Param]) -> Text:
    status = " (HTTP {status})" if params["status"] else ""
    return Text(
        f"The proxy {_proxy(params)} doesn't connect to {_SERVICES[params['service']]}{status}.",
        "Ask your IT support whether the proxy allows that.",
    )


_TASKS: Final = {
    TaskReason.CHANGE_LOG_CHECK: "Change log check",
    TaskReason.LOCK: "Lock of this organisation",
    TaskReason.BACKUP: "Backup",
    TaskReason.CLOCK: "Clock",
    TaskReason.SEARCH_INDEX: "Search index",
    TaskReason.CONNECTION: "Connection",
    TaskReason.CONTACT_SYNC: "Loading contacts",
    TaskReason.MANUAL_RESTORES: "Checking restores",
    TaskReason.RE_LEASED: "Re-Leased",
    TaskReason.RE_LEASED_CONTACTS: "Reading Re-Leased's contacts",
    TaskReason.OUTBOX: "Sending changes",
    TaskReason.ACTIVITY: "Reading transactions",
    TaskReason.STATUS: "Status",
}

TEXTS: Final[Catalogue] = {
    NetworkReason.PROXY_ADDRESS_INVALID: lambda params: Text(
        f"The proxy address in {_source(params)} isn't valid.",
        "Set it to http://host:port, https://host:port, socks5://host:port or socks5h://host:port, or remove "
        "it, then restart Reshelve.",
    ),
    NetworkReason.PROXY_UNREACHABLE: lambda params: Text(
        f"The proxy {_proxy(params)} can't be reached.", "Check its address and your network."
    ),
    NetworkReason.PROXY_REFUSED: _proxy_refused,
    NetworkReason.PROXY_LOGIN_REQUIRED: _login("requires a user name and password"),
    NetworkReason.PROXY_LOGIN_REFUSED: _login("doesn't accept its user name and password"),
    NetworkReason.PROXY_NOT_SET: Text(
        "A proxy in this network requires a user name and password (HTTP 407).",
        "Ask your IT support for the proxy's address, and set it in HTTPS_PROXY as "
        "http://user:password@host:port, then restart Reshelve.",
    ),
    NetworkReason.NO_TLS: _no_tls,
    NetworkReason.CERTIFICATE_FILE_MISSING: Text(
        f"{_CERTIFICATE_FILE}the file doesn't exist.", _SET_CERTIFICATE_FILE
    ),
    NetworkReason.CERTIFICATE_FILE_IS_FOLDER: Text(
        f"{_CERTIFICATE_FILE}it is a folder.", _SET_CERTIFICATE_FILE
    ),
    NetworkReason.CERTIFICATE_FILE_IRREGULAR: Text(
        f"{_CERTIFICATE_FILE}it isn't a regular file.", _SET_CERTIFICATE_FILE
    ),
    NetworkReason.CERTIFICATE_FILE_INVALID: Text(
        f"{_CERTIFICATE_FILE}it isn't a valid certificate file in PEM format.", _SET_CERTIFICATE_FILE
    ),
    NetworkReason.CERTIFICATE_FILE_UNREADABLE: Text(
        f"{_CERTIFICATE_FILE}{{problem}}.", _SET_CERTIFICATE_FILE
    ),
    NetworkReason.CERTIFICATE_FOLDER_MISSING: Text(
        "The certificate folder in SSL_CERT_DIR doesn't exist.",
        "Set SSL_CERT_DIR to a certificate folder, or remove it, then restart Reshelve.",
    ),
    NetworkReason.CERTIFICATE_DATE: _certificate(
        "isn't valid on {now}, the time on this computer", "Check this computer's date and time."
    ),
    NetworkReason.CERTIFICATE_NAME: _certificate(
        "isn't for {host}",
        f"{_CHECK_NETWORK} If a proxy inspects secure connections, tell your IT support.",
    ),
    NetworkReason.CERTIFICATE_SELF_SIGNED: _certificate("is self-signed", _INSTALL_ROOT),
    NetworkReason.CERTIFICATE_UNTRUSTED: _certificate("isn't trusted by this computer", _INSTALL_ROOT),
    NetworkReason.CERTIFICATE_UNVERIFIED: _certificate(
        "can't be verified ({problem})", "Ask your IT support, or try another network."
    ),
    ConnectionReason.MINUTE_LIMIT: Text("Xero's call limit for this minute is reached."),
    ConnectionReason.DAY_LIMIT: Text("Xero's daily call limit is reached.", "Queued changes are kept."),
    ConnectionReason.CONCURRENT_LIMIT: Text("Too many calls to Xero at once."),
    ConnectionReason.APP_LIMIT: Text(
        "The Xero app's limit for this minute is reached, counting everyone who uses the app."
    ),
    ConnectionReason.CALLS_RESERVED: Text("Xero's remaining calls for today are reserved for your changes."),
    ConnectionReason.REMOVED: Text(
        "This organisation is no longer connected in Xero, or a permission is missing.",
        "You can still read everything here. To change contacts, reconnect.",
        "connect",
    ),
    ConnectionReason.DISCONNECTED: Text(
        "This organisation is disconnected. Its saved contacts and change log are kept.",
        "To load or change its contacts, connect again.",
        "connect",
    ),
    ConnectionReason.STANDBY: Text(
        "Another Reshelve on this computer is connected to Xero.", "This one shows its progress."
    ),
    **{
        task: Text(
            f"{name}: Unexpected error in Reshelve ({{kind}}). Nothing is lost.",
            "Reshelve will retry. Details are in the log file.",
        )
        for task, name in _TASKS.items()
    },
}
