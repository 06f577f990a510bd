from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tui import messages
from tui.model.errors import OfflineError
from tui.model.reasons import XeroReason
from tui.xero.web_urls import contact_url, page_message, simulate_restore

if TYPE_CHECKING:
    from collections.abc import Callable

ID = "5f4cbf2c-0000-4000-8000-00000000000a"


def test_contact_url_follows_our_template() -> None:
    expected = f"https://go.xero.com/app/!Qj35V/contacts/contact/{ID}"
    assert contact_url("https://go.xero.com", "!Qj35V", ID) == expected
    assert contact_url("https://go.xero.com/", "!Qj35V", ID) == expected


@pytest.mark.parametrize(
    ("short_code", "contact_id"),
    [
        ("", ID), ("!", ID), ("../x", ID), ("!a/b", ID), ("!a\n", ID), ("!a?b", ID), ("!" + "a" * 21, ID),
        ("!é", ID), ("!a", ""), ("!a", ID + "/../.."), ("!a", ID + "\n"), ("!a", "x" * 36), ("!a", ID[:-1]),
    ],
)  # fmt: skip
def test_invalid_short_code_or_id_makes_no_url(short_code: str, contact_id: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        contact_url("https://go.xero.com", short_code, contact_id)


@pytest.mark.parametrize(
    "host",
    ["https://go.xero.com", "http://127.0.0.1.example.com", "http://10.0.0.1", "ftp://127.0.0.1", "http://"],
)
async def test_restore_is_never_simulated_on_a_real_page(host: str) -> None:
    with pytest.raises(ValueError, match="only be simulated on this computer"):
        await simulate_restore(f"{host}/app/!x/contacts/contact/{ID}")


async def test_failed_simulated_restore_promises_no_retry() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(OfflineError) as raised:
            await simulate_restore(f"http://127.0.0.1:{closed.getsockname()[1]}/app/!x/contacts/contact/{ID}")
    assert raised.value.reason is XeroReason.PRACTICE_OFFLINE
    assert messages.next_step(raised.value) == "Nothing changed."
    assert messages.action(raised.value) == "simulate_restore"


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>a</p><p role=alert>Not &lt;now&gt;\n <b>please</b></p>b", "Not <now> please"),
        ('<p class="x" role="status">Not now</p>b', "Not now"),
        ("<h1 role='heading'>Conflict</h1>", ""),
        ("", ""),
        ("<p role='alert'>never closed", "never closed"),
    ],
)
def test_message_of_a_page_is_its_text(html: str, words: str) -> None:
    reader: Callable[[str], str] = page_message
    assert reader(html) == words


@pytest.mark.parametrize(
    "rest", ["<![x[", "<![foo bar[ baz", "<!-", "<!DOCTYPE [<!x", "&#xD800;", "<a" * 2_000]
)
def test_any_page_can_be_read_for_a_message(rest: str) -> None:
    assert page_message(f"<p role=alert>Refused</p>{rest}") == "Refused"
