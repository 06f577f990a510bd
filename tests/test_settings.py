"""Settings: every mistake is named with its place, and nothing but TLS or this machine is accepted."""

from __future__ import annotations

from dataclasses import fields
from datetime import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tui.loopback import is_loopback
from tui.model.errors import SettingsError
from tui.settings import (
    ReleasedSettings,
    Settings,
    SyncSettings,
    XeroSettings,
    load,
    save,
    window,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def written(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def words_of(file: Path, environment: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        load(file, environment or {})
    return f"{caught.value.what} {caught.value.next_step}"


def test_without_a_file_everything_is_at_its_default(file: Path) -> None:
    assert load(file, {}) == Settings()
    assert Settings().xero.api_url == "https://api.xero.com"


def test_a_key_of_the_file_replaces_its_default_alone(file: Path) -> None:
    loaded = load(written(file, '[xero]\nclient_id = "ABC"\n'), {})
    assert loaded == Settings(xero=XeroSettings(client_id="ABC"))


@pytest.mark.parametrize("section", [field.name for field in fields(Settings)])
def test_every_key_can_be_set_by_its_variable(file: Path, section: str) -> None:
    for key in fields(getattr(Settings(), section)):
        text, value = example(key.name)
        loaded = load(file, {f"RESHELVE_{section}_{key.name}".upper(): text})
        assert getattr(getattr(loaded, section), key.name) == value


def example(key: str) -> tuple[str, str | float]:
    if key.endswith("_url"):
        return "https://elsewhere.example/", "https://elsewhere.example"
    if key.startswith("window_"):
        return "03:15", "03:15"
    if key.endswith("_seconds"):
        return "2.5", 2.5
    return "text", "text"


def test_a_variable_wins_over_the_file_even_where_the_file_is_wrong(file: Path) -> None:
    written(file, '[xero]\napi_url = "nonsense"\n')
    assert load(file, {"RESHELVE_XERO_API_URL": "https://b.example"}).xero.api_url == "https://b.example"


def test_an_empty_value_means_the_default(file: Path) -> None:
    written(file, '[xero]\napi_url = ""\n[released]\nwindow_end = ""\n')
    assert load(file, {"RESHELVE_XERO_PAGES_URL": "", "RESHELVE_RELEASED_FEED_URL": ""}) == Settings()


def test_the_process_environment_is_used_when_none_is_given(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESHELVE_XERO_CLIENT_ID", "from the environment")
    assert load(file).xero.client_id == "from the environment"


# --- mistakes, in words ---


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[xero\n", ["can't be read as TOML", "Mend or remove"]),
        ("xero = 1\n", ["xero", "[xero]"]),
        ("[zero]\n", ["[zero]", "[xero]", "[released]", "[sync]"]),
        ('[xero]\napi = "x"\n', ["[xero]", "api", "api_url", "client_id"]),
        ("[xero]\napi_url = 5\n", ["xero.api_url", "text in quotes"]),
        ("[xero]\nclient_id = true\n", ["xero.client_id", "text in quotes"]),
        ("[released]\nwindow_start = 06:00:00\n", ["released.window_start", "text in quotes"]),
        ('[released]\nwindow_end = "six"\n', ["released.window_end", "six", '"06:00"']),
        ('[released]\nwindow_end = "06:00+13:00"\n', ["released.window_end", '"06:00"']),
        ('[sync]\npoll_seconds = "fast"\n', ["sync.poll_seconds", "above 0", "3600"]),
        ("[sync]\npoll_seconds = true\n", ["sync.poll_seconds", "above 0"]),
        ("[sync]\npoll_seconds = 0\n", ["sync.poll_seconds", "above 0"]),
        ("[sync]\npoll_seconds = nan\n", ["sync.poll_seconds", "above 0"]),
        ("[sync]\npoll_seconds = inf\n", ["sync.poll_seconds", "3600"]),
        ('[xero]\napi_url = "http://api.xero.com"\n', ["xero.api_url", "https://", "this machine"]),
    ],
)
def test_a_mistake_in_the_file_is_named(file: Path, text: str, said: list[str]) -> None:
    words = words_of(written(file, text))
    assert str(file) in words
    for part in said:
        assert part in words


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("RESHELVE_XERO_API_URL", "http://api.xero.com", "https://"),
        ("RESHELVE_RELEASED_FEED_URL", "feed", "https://"),
        ("RESHELVE_RELEASED_WINDOW_START", "25:00", '"06:00"'),
        ("RESHELVE_SYNC_POLL_SECONDS", "-1", "above 0"),
    ],
)
def test_a_mistake_in_a_variable_names_the_variable_not_the_file(
    file: Path, variable: str, value: str, said: str
) -> None:
    words = words_of(file, {variable: value})
    assert words.startswith(variable)
    assert said in words
    assert str(file) not in words


def test_an_address_that_is_refused_is_not_repeated_as_it_may_hold_a_password(file: Path) -> None:
    assert "hunter2" not in words_of(file, {"RESHELVE_XERO_API_URL": "https://me:hunter2@xero.example"})


def test_a_file_that_is_no_text_and_a_file_that_is_a_folder_are_named(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")
    assert str(file) in words_of(file)
    file.unlink()
    file.mkdir()
    assert str(file) in words_of(file)


# --- addresses ---


@pytest.mark.parametrize(
    "url",
    [
        "https://api.xero.com",
        "https://proxy.example:8443/xero",
        "http://localhost:8742",
        "http://LOCALHOST:1",
        "http://127.0.0.1:9999",
        "http://127.8.8.8",
        "http://[::1]:1",
    ],
)
def test_tls_or_this_machine_is_accepted(file: Path, url: str) -> None:
    assert load(file, {"RESHELVE_XERO_API_URL": url}).xero.api_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.xero.com",
        "http://localhost.evil.com",
        "http://127.0.0.1.evil.com",
        "http://127.0.0.1@evil.com",
        "http://127.0.0.1:80@evil.com",
        "http://evil.com@127.0.0.1",
        "http://@127.0.0.1",
        "https://:password@api.xero.com",
        "http://evil.com#@127.0.0.1",
        "http://127.0.0.1\\@evil.com",
        "http://2130706433",
        "http://0x7f000001",
        "http://127.1",
        "http://0",
        "http://0.0.0.0",
        "http://localhost.",
        "http://[::1",
        "http://[fe80::1]",
        "http://192.168.0.1",
        "http://127.0.0.1:65536",
        "http://127.0.0.1:-1",
        "https://api.xero.com:port",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://localhost",
        "//api.xero.com",
        "api.xero.com",
        "https://",
        "https:///path",
        "https://api.xero.com?a=b",
        "https://api.xero.com?",
        "https://api.xero.com#",
        "ht\ntps://api.xero.com",
        "https://api.xero.com\n",
        "https://api.xe ro.com",
        " https://api.xero.com",
        "https://api.xero.com\x1b[2J",
        "https://api\N{RIGHT-TO-LEFT OVERRIDE}.xero.com",
    ],
)
def test_every_other_address_is_refused(file: Path, url: str) -> None:
    assert "https://" in words_of(file, {"RESHELVE_XERO_API_URL": url})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:1/x", True),
        ("https://127.0.0.1", True),
        ("http://[::1]:1", True),
        ("https://go.xero.com", False),
        ("http://localhost.evil.com", False),
        ("http://127.0.0.1@evil.com", False),
        ("", False),
    ],
)
def test_loopback_is_this_machine_alone(url: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_loopback(url) is expected


# --- saving ---


def test_only_what_differs_from_the_defaults_is_written(file: Path) -> None:
    save(Settings(sync=SyncSettings(poll_seconds=20)), file)
    assert file.read_text(encoding="utf-8") == "[sync]\npoll_seconds = 20\n"


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
URLS = st.sampled_from(["https://a.example", "http://127.0.0.1:1/x", "http://[::1]:65535"])
TIMES = st.times().map(lambda at: at.isoformat())


@hypothesis_settings(max_examples=50, deadline=None)
@given(
    st.builds(
        Settings,
        st.builds(XeroSettings, URLS, URLS, URLS, URLS, TEXT),
        st.builds(ReleasedSettings, URLS | st.just(""), TIMES, TIMES),
        st.builds(SyncSettings, st.floats(0.001, 3600)),
    )
)
def test_what_is_saved_is_loaded(tmp_path_factory: pytest.TempPathFactory, settings: Settings) -> None:
    file = tmp_path_factory.getbasetemp() / "round-trip" / "settings.toml"
    save(settings, file)
    assert load(file, {}) == settings
    assert window(settings.released) == (
        time.fromisoformat(settings.released.window_start),
        time.fromisoformat(settings.released.window_end),
    )


def test_a_key_given_as_a_whole_number_is_a_number_of_seconds(file: Path) -> None:
    loaded: Any = load(written(file, "[sync]\npoll_seconds = 30\n"), {})
    assert loaded.sync.poll_seconds == 30.0
