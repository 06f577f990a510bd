"""`reshelve serve`: use Reshelve in a browser on this computer."""

from __future__ import annotations

import ipaddress
import shlex
import socket
import subprocess
import sys
from contextlib import nullcontext
from typing import Final

import click

from tui.cli.demo import shared_practice
from tui.cli.launch import command_error, to_click_error
from tui.model.errors import ReshelveError
from tui.settings import load
from tui.system.log import log_to
from tui.system.paths import Paths

_PORT: Final = 8743
_NOT_INSTALLED: Final = (
    "Reshelve can't be used in a browser yet: a package is missing. "
    "Install Reshelve with its part for browsers: pip install '.[serve]' in its folder."
)
_DANGER: Final = (
    "Anyone who has the link can read every contact, archive and restore contacts in Xero with your sign-in, "
    "and save files on this computer. There is no password."
)
_NOT_HERE: Final = (
    "{host} is reachable from other computers. {danger} What is sent isn't encrypted: others on the network "
    "can read it, the link included. To allow that all the same, add --anyone-can-connect."
)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option(
    "--port",
    default=_PORT,
    type=click.IntRange(0, 65535),
    show_default=True,
    help="Port to serve on; 0 is any free one.",
)
@click.option("--anyone-can-connect", is_flag=True, help="Allow an address that other computers can reach.")
@click.option("--organisation", help="Open the organisation whose name contains this.")
@click.option("--read-only", is_flag=True, help="Read-only mode: no changes, no disconnecting.")
@click.option("--demo", is_flag=True, help="Use the practice Xero and Re-Leased; no account needed.")
def serve(
    host: str, port: int, *, anyone_can_connect: bool, organisation: str | None, read_only: bool, demo: bool
) -> None:
    """Use Reshelve in a browser on this computer, until Ctrl-C.

    The first line of output is the link. Each page that opens it has a Reshelve of its own, which ends when
    the page is closed.

    \b
    Examples:
      $ reshelve serve
      $ reshelve serve --demo
      $ reshelve serve --read-only --port 8800
    """  # noqa: D301 - click keeps the lines of what follows
    try:
        from tui.cli import browser_server
    except ImportError as error:
        raise click.ClickException(_NOT_INSTALLED) from error
    if not _is_local(host) and not anyone_can_connect:
        raise click.UsageError(_NOT_HERE.format(host=host, danger=_DANGER))
    try:
        paths = Paths.find()
        # Before anything is started.
        load((paths.demo if demo else paths).settings_file)
        log_to((paths.demo if demo else paths).logs)
        try:
            bound = browser_server.bind(host, port)
        except OSError as error:
            raise command_error(
                f"Can't serve on {host}, port {port}: {error.strerror}. Choose another with --host or --port."
            ) from error
        with bound, shared_practice(paths.demo) if demo else nullcontext():
            names = {host.casefold(), "localhost", socket.gethostname().casefold()}
            command = _command(organisation, read_only=read_only, demo=demo)
            server = browser_server.BrowserServer(command, names)
            click.echo(f"http://{_shown(host)}:{bound.getsockname()[1]}{server.path}")
            click.echo(f"Open this link in a browser. {_DANGER} Ctrl-C ends it.", err=True)
            browser_server.run(server, bound)
    except ReshelveError as error:
        raise to_click_error(error) from error


def _is_local(host: str) -> bool:
    """Whether only this computer can reach an address."""
    try:
        return host.casefold() == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(host: str) -> str:
    """Return a host as links have it; this computer's name if it is served on all of its addresses."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.is_unspecified:
        return socket.gethostname()
    return f"[{host}]" if address.version == 6 else host  # noqa: PLR2004 - IPv6


def _command(organisation: str | None, *, read_only: bool, demo: bool) -> str:
    """Return the command that opens the app, for a shell."""
    words = [sys.executable, "-m", "tui", *(("demo", "--join") if demo else ("open",))]
    if organisation is not None:
        words += ["--organisation", organisation]
    if read_only:
        words.append("--read-only")
    # With `exec`, the shell becomes the program, and there is none to be left behind.
    return subprocess.list2cmdline(words) if sys.platform == "win32" else f"exec {shlex.join(words)}"
