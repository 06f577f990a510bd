"""`reshelve sandbox`: the practice Xero and Re-Leased, without the app."""

from __future__ import annotations

from pathlib import Path

import click

from tui.paths import Paths


@click.command()
@click.option("--port", default=0, show_default="any free one", help="Port on 127.0.0.1.")
def sandbox(port: int) -> None:
    """Serve a practice Xero and Re-Leased on 127.0.0.1 until interrupted."""
    del port, Path, Paths
