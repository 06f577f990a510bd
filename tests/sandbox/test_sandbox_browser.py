"""The restore page and the consent page in a real browser, with scripts switched off."""

from __future__ import annotations

import base64
import hashlib
import http.server
import threading
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from support.browser import CHROMIUM, Tab, open_tab

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.practice import PracticeXero
    from support.xero_calls import XeroCalls

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    with open_tab(tmp_path / "profile") as one:
        yield one


def test_user_restores_a_contact_in_the_browser(practice: PracticeXero, xero: XeroCalls, tab: Tab) -> None:
    contact_id = practice.create("Restored <b>in a browser</b>")
    xero.archive(contact_id)
    code = practice.organisations[0].short_code
    tab.open(f"{practice.pages}/app/{code}/contacts/contact/{contact_id}")
    assert "Restored <b>in a browser</b>" in tab.text()
    assert "This contact is archived" in tab.text()
    tab.press("Restore")
    assert "This contact is active" in tab.text()
    assert xero.contact(contact_id)["ContactStatus"] == "ACTIVE"


def test_user_signs_in_in_the_browser(practice: PracticeXero, tab: Tab) -> None:
    answers: list[str] = []

    class Callback(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<title>Back</title>You can close this page.")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Callback) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        query = {
            "response_type": "code",
            "client_id": practice.client_id,
            "redirect_uri": f"http://localhost:{listener.server_port}/callback",
            "scope": "offline_access accounting.contacts",
            "state": "from-the-test",
            "code_challenge": base64.urlsafe_b64encode(hashlib.sha256(b"v").digest()).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        tab.open(f"{practice.login}/identity/connect/authorize?{urlencode(query)}")
        assert "Harbour & Vine Property Trust (Practice)" in tab.text()
        tab.press("Allow access")
        assert "You can close this page" in tab.text()
        listener.shutdown()
    answer = parse_qs(urlsplit(answers[0]).query)
    assert answer["state"] == ["from-the-test"]
    assert answer["code"][0]
