"""`reshelve connect`: from a refresh token to the organisations it opens."""

from __future__ import annotations

import asyncio
import sys

import click

from tui.cli.run import say
from tui.engine.connect import connect as sign_in
from tui.model.errors import AnswerLostError, OfflineError, ReshelveError
from tui.paths import Paths
from tui.settings import load


@click.command()
def connect() -> None:
    """Connect organisations with a refresh token read from standard input.

    The token is read from standard input so that it appears in no process list and no shell history.
    It is kept in a file that only you can read, and replaced at every use.
    """
    paths = Paths.find()
    try:
        settings = load(paths.settings_file)
        if sys.stdin.isatty():
            click.echo("Paste the refresh token and press enter.", err=True)
        token = sys.stdin.readline().strip()
        if not token:
            raise ReshelveError("No refresh token was given on standard input.")
        if not (token.isascii() and token.isprintable()):
            raise ReshelveError("That isn't a refresh token.", "Nothing was sent. Copy it again and retry.")
        organisations = asyncio.run(sign_in(settings, paths, token))
    except (OfflineError, AnswerLostError) as error:
        # Unlike the app, a command doesn't try again by itself.
        raise say(
            ReshelveError(error.what, "Nothing here was changed. Run the command again later.")
        ) from error
    except ReshelveError as error:
        raise say(error) from error
    for organisation in organisations:
        click.echo(f"Connected: {organisation.name}")
