"""Settings: every mistake is reported with its place, and only TLS or loopback addresses are accepted."""

from __future__ import annotations

import re
import stat
from datetime import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from support.effort import examples

from tui import messages
from tui.messages.settings import DESCRIPTIONS, description
from tui.model.errors import SettingsError
from tui.model.reasons import SettingsReason
from tui.net.loopback import is_loopback
from tui.settings import (
    KEYS,
    OrganisationSettings,
    ReLeasedSettings,
    ScreenSettings,
    SettingKey,
    Settings,
    SyncSettings,
    UnifiedConnection,
    XeroSettings,
    find_key,
    load,
    load_report,
    save,
    set_value,
    set_values,
    sync_window,
    unified_connection,
    unset,
)
from tui.settings.schema import key_binding, organisation_keys
from tui.system.paths import write_atomically
from tui.widgets.themes import DEFAULT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def written(file: Path, text: str) -> Path:
    file.write_text(text, encoding="utf-8")
    return file


def words_of(file: Path, environment: dict[str, str] | None = None) -> str:
    found = load_report(file, environment or {})
    error = [*found.problems, *found.warnings][0]
    if found.problems:
        with pytest.raises(SettingsError, match=re.escape(str(error))):
            load(file, environment or {})
    return messages.in_full(error)


def test_without_a_file_everything_is_at_its_default(file: Path) -> None:
    assert load(file, {}) == Settings()
    assert Settings().xero.api_url == "https://api.xero.com"


def test_key_in_the_file_replaces_only_its_own_default(file: Path) -> None:
    loaded = load(written(file, '[xero]\nclient_id = "ABC"\n'), {})
    assert loaded == Settings(xero=XeroSettings(client_id="ABC"))


@pytest.mark.parametrize("key", KEYS, ids=[key.path for key in KEYS])
def test_every_key_can_be_set_by_its_variable(file: Path, key: SettingKey) -> None:
    text, value = example(key.name)
    assert value_of(load(file, {key.variable: text}), key.path) == value


def example(key: str) -> tuple[str, str | float]:
    if key == "unified_url":
        return "https://api-eu.unified.to/", "https://api-eu.unified.to"
    if key in {"archived_field", "xero_id_field"}:
        return "raw.external id.value", "raw.external id.value"
    if key.endswith("_url"):
        return "https://elsewhere.example/", "https://elsewhere.example"
    if key.startswith("window_"):
        return "03:15", "03:15"
    others: dict[str, tuple[str, str | float]] = {
        "poll_seconds": ("2.5", 2.5),
        "sync_seconds": ("3600", 3600.0),
        "callback_port": ("9000", 9000),
        "token_store": ("file", "file"),
        "notifications": ("bell", "bell"),
        "activity": ("yes", "yes"),
    }
    return others.get(key, ("text", "text"))


def value_of(settings: Settings, path: str) -> Any:
    section, _, name = path.partition(".")
    part = getattr(settings, section)
    return part[name] if isinstance(part, dict) else getattr(part, name)


def test_variable_overrides_the_file_even_if_the_file_is_invalid(file: Path) -> None:
    written(file, '[xero]\napi_url = "nonsense"\n')
    assert load(file, {"RESHELVE_XERO_API_URL": "https://b.example"}).xero.api_url == "https://b.example"


def test_an_empty_value_means_the_default(file: Path) -> None:
    written(file, '[xero]\napi_url = ""\n[re_leased]\nwindow_end = ""\n')
    assert load(file, {"RESHELVE_XERO_PAGES_URL": "", "RESHELVE_RE_LEASED_FEED_URL": ""}) == Settings()


def test_the_process_environment_is_used_when_none_is_given(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESHELVE_XERO_CLIENT_ID", "from-the-environment")
    assert load(file).xero.client_id == "from-the-environment"


# --- mistakes, in words ---


def test_several_keys_are_written_at_once_or_not_at_all(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(file, '[xero]\nclient_id = "ABC"\n[re_leased]\nunified_url = "https://api-eu.unified.to"\n')
    writes: list[bytes] = []

    def recorded(path: Path, content: bytes) -> None:
        writes.append(content)
        write_atomically(path, content)

    monkeypatch.setattr("tui.settings.writer.write_atomically", recorded)
    own = f"organisations.{TENANT}"
    before = file.read_bytes()
    with pytest.raises(SettingsError):
        set_values(file, {f"{own}.unified_connection_id": "68f0", f"{own}.zone": "Nowhere"})
    assert (file.read_bytes(), writes) == (before, [])
    set_values(file, {f"{own}.unified_connection_id": "68f0", "re_leased.unified_url": ""})
    assert len(writes) == 1
    loaded = load(file, {})
    assert loaded.organisations[TENANT].unified_connection_id == "68f0"
    assert loaded.re_leased.unified_url == Settings().re_leased.unified_url
    set_values(file, {f"{own}.zone": "", "re_leased.unified_url": ""})
    assert len(writes) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[xero\n", ["isn't valid TOML", "Correct the line"]),
        ("xero = 1\n", ["xero", "[xero]"]),
        ("[zero]\n", ["[zero]", "Did you mean xero?"]),
        ("[nowhere]\n", ["[nowhere]", "[xero]", "[re_leased]", "[sync]"]),
        ("[relesed]\n", ["[relesed]", "Did you mean re_leased?"]),
        ('[xero]\napi = "x"\n', ["[xero]", "api", "api_url", "client_id"]),
        ('[xero]\napi_ulr = "x"\n', ["[xero]", "no setting api_ulr", "Did you mean api_url?"]),
        ('[xero]\nclient_id = "an id"\n', ["xero.client_id", "letters, digits and hyphens"]),
        ("[xero]\ncallback_port = true\n", ["xero.callback_port", "from 1 to 65535"]),
        ("[xero]\ncallback_port = 8742.0\n", ["xero.callback_port", "from 1 to 65535"]),
        ("[xero]\ncallback_port = 0\n", ["xero.callback_port", "from 1 to 65535"]),
        ("[xero]\ncallback_port = 65536\n", ["xero.callback_port", "from 1 to 65535"]),
        ('[xero]\ncallback_port = "http"\n', ["xero.callback_port", '"http"', "from 1 to 65535"]),
        ('[xero]\ntoken_store = "vault"\n', ["xero.token_store", '"vault"', '"keychain", "file"']),
        ('[screen]\ntheme = "a theme"\n', ["screen.theme", "a theme's name"]),
        ("[keys]\narchive = 5\n", ["keys.archive", "text in quotes"]),
        ('[keys]\narchive = "f5,,x"\n', ["keys.archive", '"f5,,x"', '"f5,ctrl+r"']),
        ('[keys]\n"an action" = "x"\n', ["[keys]", "an action", "isn't an action"]),
        ('[keys]\ntable.open = "x"\n', ["keys.table", "text in quotes"]),
        ("keys = 1\n", ["keys", "[keys]"]),
        ("[xero]\napi_url = 5\n", ["xero.api_url", "text in quotes"]),
        ("[xero]\nclient_id = true\n", ["xero.client_id", "text in quotes"]),
        ("[re_leased]\nwindow_start = 06:00:00\n", ["re_leased.window_start", "text in quotes"]),
        ('[re_leased]\nwindow_end = "six"\n', ["re_leased.window_end", "six", '"06:00"']),
        ('[re_leased]\nwindow_end = "06:00+13:00"\n', ["re_leased.window_end", '"06:00"']),
        ('[sync]\npoll_seconds = "fast"\n', ["sync.poll_seconds", "above 0", "3600"]),
        ("[sync]\npoll_seconds = true\n", ["sync.poll_seconds", "above 0"]),
        (f"[sync]\npoll_seconds = {'9' * 400}\n", ["sync.poll_seconds", "above 0"]),
        (f"[sync]\npoll_seconds = {'9' * 5000}\n", ["isn't valid TOML"]),
        (f"[sync]\npoll_seconds = 0x{'f' * 5000}\n", ["sync.poll_seconds", "above 0"]),
        (f"sync = {'[' * 5000}{']' * 5000}\n", ["isn't valid TOML"]),
        ("[sync]\npoll_seconds = 0\n", ["sync.poll_seconds", "above 0"]),
        ("[sync]\npoll_seconds = nan\n", ["sync.poll_seconds", "above 0"]),
        ("[sync]\npoll_seconds = inf\n", ["sync.poll_seconds", "3600"]),
        ('[xero]\napi_url = "http://api.xero.com"\n', ["xero.api_url", "https://", "this computer"]),
    ],
)
def test_invalid_value_in_the_file_is_reported(file: Path, text: str, said: list[str]) -> None:
    words = words_of(written(file, text))
    assert str(file) in words
    for part in said:
        assert part in words


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("RESHELVE_XERO_API_URL", "http://api.xero.com", "https://"),
        ("RESHELVE_RE_LEASED_FEED_URL", "feed", "https://"),
        ("RESHELVE_RE_LEASED_WINDOW_START", "25:00", '"06:00"'),
        ("RESHELVE_SYNC_POLL_SECONDS", "-1", "above 0"),
    ],
)
def test_invalid_variable_is_reported_by_its_own_name(
    file: Path, variable: str, value: str, said: str
) -> None:
    words = words_of(file, {variable: value})
    assert words.startswith(variable)
    assert said in words
    assert str(file) not in words


def test_rejected_address_is_not_echoed_as_it_may_hold_a_password(file: Path) -> None:
    assert "hunter2" not in words_of(file, {"RESHELVE_XERO_API_URL": "https://me:hunter2@xero.example"})


def test_binary_file_and_folder_are_reported(file: Path) -> None:
    file.write_bytes(b"\xff\xfe\x00")
    assert str(file) in words_of(file)
    file.unlink()
    file.mkdir()
    assert str(file) in words_of(file)


def test_echoed_invalid_values_are_safe_for_the_terminal(file: Path) -> None:
    hostile = r"\u001b]0;owned\u0007\u202e"
    for text in (
        f'["{hostile}"]\n',
        f'[xero]\n"{hostile}" = 1\n',
        f'[xero]\ntoken_store = "{hostile}"\n',
        f'[re_leased]\nwindow_end = "{hostile}"\n',
        f'[xero]\ncallback_port = "{hostile}"\n',
        f'[keys]\n"{hostile}" = "x"\n',
        f'[keys]\narchive = "{hostile}"\n',
    ):
        words = words_of(written(file, text))
        assert words.isprintable()
        assert "owned" in words


@pytest.mark.parametrize(
    ("variable", "said"),
    [
        ("RESHELVE_UNIFIED_API_KYE", "Did you mean RESHELVE_UNIFIED_API_KEY?"),
        ("RESHELVE_XERO_API_ULR", "Did you mean RESHELVE_XERO_API_URL?"),
        ("RESHELVE_HOMES", "Did you mean RESHELVE_HOME?"),
        ("RESHELVE_RELESED_FEED_URL", "Did you mean RESHELVE_RE_LEASED_FEED_URL?"),
        ("RESHELVE_XERO_NOTHING_LIKE_THIS", "reshelve settings"),
        ("RESHELVE_KEYS_ARCHIVE", "in the file only"),
    ],
)
def test_misspelled_setting_variable_is_an_error(file: Path, variable: str, said: str) -> None:
    words = words_of(file, {variable: "x"})
    assert words.startswith(f"{variable} isn't a setting.")
    assert said in words


def test_unrelated_variable_is_only_noted(file: Path) -> None:
    environment = {"RESHELVE_HOME": "/here", "RESHELVE_BUILD_NUMBER": "7", "HOME": "/home"}
    assert load(file, environment) == Settings()
    assert load_report(file, environment).unknown_variables == ("RESHELVE_BUILD_NUMBER",)


def test_report_continues_after_invalid_settings(file: Path) -> None:
    written(file, '[xero]\napi_url = "nonsense"\nclient_id = "ABC"\nnew = 1\n[sync]\npoll_seconds = 0\n')
    found = load_report(file, {"RESHELVE_SCREEN_THEME": "dark"})
    assert found.settings == Settings(xero=XeroSettings(client_id="ABC"), screen=ScreenSettings(theme="dark"))
    unknown, url = found.problems
    assert unknown.reason is SettingsReason.UNKNOWN_KEY
    assert (unknown.notice.params["section"], unknown.notice.params["name"]) == ("xero", "new")
    assert url.reason is SettingsReason.INVALID_URL
    assert url.notice.params == {"place": f"{file}: xero.api_url"}
    [warning] = found.warnings
    assert warning.reason is SettingsReason.INVALID_SECONDS
    assert warning.notice.params["place"] == f"{file}: sync.poll_seconds"
    assert found.sources["xero.client_id"] == "settings.toml"
    assert found.sources["screen.theme"] == "RESHELVE_SCREEN_THEME"
    assert "re_leased.feed_url" not in found.sources


@pytest.mark.parametrize(
    ("text", "stops"),
    [
        ('[screen]\ntheme = "a theme"\n', False),
        ("[screen]\ntheme = 5\n", False),
        ('[screen]\ncolours = "dark"\n', False),
        ("screen = 1\n", False),
        ("[sync]\npoll_seconds = 0\n", False),
        ("[sync]\npoll_minutes = 1\n", False),
        ('[keys]\narchive = ""\nrestore = "f5,,x"\n', False),
        ("keys = 1\n", False),
        ('[xero]\napi_url = "nonsense"\n', True),
        ('[xero]\ntoken_store = "vault"\n', True),
        ('[re_leased]\nwindow_end = "six"\n', True),
        ("[relesed]\n", True),
    ],
)
def test_only_dangerous_mistakes_stop_the_start(file: Path, text: str, *, stops: bool) -> None:
    found = load_report(written(file, text), {})
    assert (bool(found.problems), bool(found.warnings)) == (stops, not stops)
    if not stops:
        assert load(file, {}) == Settings()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
def test_byte_order_mark_is_accepted(file: Path, encoding: str) -> None:
    file.write_text('[xero]\nclient_id = "ABC"\n', encoding=encoding)
    assert load(file, {}).xero.client_id == "ABC"
    set_value(file, "sync.poll_seconds", "20")
    assert load(file, {}).xero.client_id == "ABC"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_wrong_encoding_is_reported_with_the_next_step(file: Path, encoding: str) -> None:
    file.write_text('[screen]\ntheme = "dröcula"\n', encoding=encoding)
    words = words_of(file)
    assert str(file) in words
    assert "UTF-8" in words


def test_keys_are_stored_without_spaces(file: Path) -> None:
    written(file, '[keys]\narchive = "f2, f3"\nrestore = ""\n')
    assert load(file, {}).keys == {"archive": "f2,f3"}


def test_every_setting_has_a_description() -> None:
    keys = (*KEYS, *organisation_keys("tenant"))
    assert {key.path.replace(".tenant.", ".") for key in keys} == DESCRIPTIONS.keys()
    for key in (*keys, key_binding("archive")):
        assert description(key.section, key.name).endswith(".")


def test_the_default_theme_is_the_default_of_the_screen() -> None:
    assert Settings().screen.theme == DEFAULT


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
def test_tls_or_loopback_addresses_are_accepted(file: Path, url: str) -> None:
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
def test_loopback_means_only_this_computer(url: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    assert is_loopback(url) is expected


# --- saving ---


def test_saving_leaves_other_sections_unchanged(file: Path) -> None:
    written(file, '[xero]\napi_url = "https://a.example"\n[screen]\ntheme = "a theme"\n')
    save(Settings(), file, ("xero",))
    assert file.read_text(encoding="utf-8") == '[screen]\ntheme = "a theme"\n'


def test_only_values_that_differ_from_defaults_are_written(file: Path) -> None:
    save(Settings(sync=SyncSettings(poll_seconds=20)), file)
    assert file.read_text(encoding="utf-8") == "[sync]\npoll_seconds = 20\n"


WORDS = st.from_regex(r"[0-9A-Za-z-]{1,64}", fullmatch=True)
ACTIONS = st.from_regex(r"[a-z_]{1,20}", fullmatch=True)
OWN_KEYS = st.dictionaries(ACTIONS, st.sampled_from(["x", "f5,ctrl+r", "?", "question_mark"]))
URLS = st.sampled_from(["https://a.example", "http://127.0.0.1:1/x", "http://[::1]:65535"])
UNIFIED_URLS = st.sampled_from(["https://api-eu.unified.to", "http://127.0.0.1:1", "http://[::1]:65535"])
RAW_FIELDS = st.sampled_from(["", "raw.isArchived", "raw.a.b-c.0", "raw.Is archived"])
STORES = st.sampled_from(["keychain", "file"])
TENANTS = st.uuids().map(str)
ZONES = st.sampled_from(["", "Pacific/Auckland", "America/New_York", "UTC"])
TIMES = st.times().map(lambda at: at.isoformat())


@hypothesis_settings(max_examples=examples(50))
@given(
    st.builds(
        Settings,
        st.builds(XeroSettings, URLS, URLS, URLS, URLS, WORDS, st.integers(1, 65535), STORES),
        st.builds(
            ReLeasedSettings,
            URLS | st.just(""),
            TIMES,
            TIMES,
            st.just(0.0) | st.floats(0.001, 86_400),
            UNIFIED_URLS,
            RAW_FIELDS,
            WORDS,
            RAW_FIELDS,
        ),
        st.builds(SyncSettings, st.floats(0.001, 3600)),
        st.builds(ScreenSettings, WORDS),
        st.dictionaries(
            TENANTS, st.builds(OrganisationSettings, TIMES, TIMES, ZONES, WORDS, WORDS), max_size=3
        ),
        OWN_KEYS,
    )
)
def test_saved_settings_are_loaded_again(
    tmp_path_factory: pytest.TempPathFactory, settings: Settings
) -> None:
    file = tmp_path_factory.getbasetemp() / "round-trip" / "settings.toml"
    save(settings, file)
    assert load(file, {}) == settings
    assert sync_window(settings, "no such organisation") == (
        time.fromisoformat(settings.re_leased.window_start),
        time.fromisoformat(settings.re_leased.window_end),
        "",
    )
    for tenant_id, own in settings.organisations.items():
        start, end = time.fromisoformat(own.window_start), time.fromisoformat(own.window_end)
        assert sync_window(settings, tenant_id) == (start, end, own.zone)


# --- organisations ---

TENANT = "0a1b2c3d-0000-4000-8000-00000000000f"


def test_organisation_settings_override_only_their_own_keys(file: Path) -> None:
    loaded = load(written(file, f'[organisations."{TENANT}"]\nzone = "Pacific/Auckland"\n'), {})
    assert sync_window(loaded, TENANT) == (time(0), time(6), "Pacific/Auckland")
    assert sync_window(loaded, "another") == (time(0), time(6), "")


def test_organisation_keys_are_set_and_removed_one_by_one(file: Path) -> None:
    written(file, '[xero]\nclient_id = "ABC"\n')
    set_value(file, f"organisations.{TENANT}.zone", "America/New_York")
    set_value(file, f"organisations.{TENANT}.window_start", "22:00")
    set_value(file, "organisations.another.window_end", "05:00")
    loaded = load(file, {})
    assert sync_window(loaded, TENANT) == (time(22), time(6), "America/New_York")
    assert sync_window(loaded, "another") == (time(0), time(5), "")
    assert unset(file, f"organisations.{TENANT}.zone")
    assert not unset(file, f"organisations.{TENANT}.zone")
    assert sync_window(load(file, {}), TENANT) == (time(22), time(6), "")
    assert unset(file, f"organisations.{TENANT}.window_start")
    assert unset(file, "organisations.another.window_end")
    assert load(file, {}) == Settings(xero=XeroSettings(client_id="ABC"))
    assert "organisations" not in file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("organisations = 1\n", ["organisations", "[organisations]"]),
        ('[organisations]\nzone = "UTC"\n', ["one section per organisation", "zone"]),
        ('[organisations."a b"]\n', ["organisations.a b", "tenant IDs"]),
        (f'[organisations."{TENANT}"]\nzon = "UTC"\n', [TENANT, "no setting zon", "Did you mean zone?"]),
        (f'[organisations."{TENANT}"]\nzone = "Nowhere"\n', [f"organisations.{TENANT}.zone", "Nowhere"]),
        (f'[organisations."{TENANT}"]\nzone = "Europe"\n', ["zone", "Europe", '"Pacific/Auckland"']),
        (f'[organisations."{TENANT}"]\nzone = "../x"\n', ["zone", "../x"]),
        (f'[organisations."{TENANT}"]\nwindow_end = "six"\n', ["window_end", "six", '"06:00"']),
        (f'[organisations."{TENANT}"]\nwindow_end = 6\n', ["window_end", "text in quotes"]),
    ],
)
def test_invalid_organisation_setting_is_reported(file: Path, text: str, said: list[str]) -> None:
    words = words_of(written(file, text))
    assert all(word in words for word in said), words


@pytest.mark.parametrize("path", [f"organisations.{TENANT}.zon", "organisations.a b.zone", "organisations"])
def test_an_organisation_has_no_other_keys(file: Path, path: str) -> None:
    with pytest.raises(SettingsError):
        set_value(file, path, "UTC")
    assert not file.exists()


def test_an_organisation_can_be_set_in_the_file_alone(file: Path) -> None:
    assert "file only" in words_of(file, {"RESHELVE_ORGANISATIONS_ZONE": "UTC"})


def test_a_key_given_as_a_whole_number_is_a_number_of_seconds(file: Path) -> None:
    loaded: Any = load(written(file, "[sync]\npoll_seconds = 30\n"), {})
    assert loaded.sync.poll_seconds == 30.0


# --- setting one key ---


@pytest.mark.parametrize("key", KEYS, ids=[key.path for key in KEYS])
def test_each_key_can_be_set_and_unset(file: Path, key: SettingKey) -> None:
    text, value = example(key.name)
    set_value(file, key.path, text)
    assert value_of(load(file, {}), key.path) == value
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert unset(file, key.path)
    assert load(file, {}) == Settings()
    assert not unset(file, key.path)


def test_setting_one_key_leaves_the_others_unchanged(file: Path) -> None:
    written(file, '[xero]\nclient_id = "ABC"\n[keys]\nopen = "o"\n')
    set_value(file, "xero.callback_port", "9000")
    set_value(file, "keys.archive", "f2, f3")
    loaded = load(file, {})
    assert loaded.xero == XeroSettings(client_id="ABC", callback_port=9000)
    assert loaded.keys == {"open": "o", "archive": "f2,f3"}
    assert unset(file, "keys.open")
    assert load(file, {}).keys == {"archive": "f2,f3"}


def test_setting_an_empty_value_removes_the_key(file: Path) -> None:
    set_value(file, "sync.poll_seconds", "30")
    set_value(file, "sync.poll_seconds", "")
    assert load(file, {}) == Settings()
    assert "sync" not in file.read_text(encoding="utf-8")


def test_invalid_settings_can_be_corrected_one_at_a_time(file: Path) -> None:
    written(file, 'xero = 1\n[zero]\n[sync]\npoll_seconds = 0\nnew = 1\n[screen]\ntheme = "a b"\n')
    with pytest.raises(SettingsError, match=SettingsReason.NOT_A_SECTION):
        set_value(file, "xero.client_id", "ABC")
    set_value(file, "sync.poll_seconds", "20")
    for path in ("xero", "zero", "sync.new", "screen.theme"):
        assert unset(file, path)
    assert load(file, {}) == Settings(sync=SyncSettings(poll_seconds=20))


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("xero.api_ulr", "Did you mean xero.api_url?"),
        ("client_id", "Did you mean xero.client_id?"),
        ("nothing like this", "reshelve settings"),
        ("xero", "reshelve settings"),
        ("keys.", "reshelve settings"),
        ("keys.an action", "reshelve settings"),
        ("", "reshelve settings"),
    ],
)
def test_unknown_key_suggests_the_nearest(file: Path, path: str, said: str) -> None:
    for attempt in (lambda: set_value(file, path, "x"), lambda: unset(file, path), lambda: find_key(path)):
        with pytest.raises(SettingsError, match=SettingsReason.UNKNOWN_SETTING) as caught:
            attempt()
        assert said in messages.next_step(caught.value)
    assert not file.exists()


def test_settings_file_that_is_a_link_stays_one(tmp_path: Path) -> None:
    elsewhere = written(tmp_path / "elsewhere.toml", "")
    link = tmp_path / "settings.toml"
    link.symlink_to(elsewhere)
    set_value(link, "screen.theme", "dark")
    assert link.is_symlink()
    assert load(elsewhere, {}).screen.theme == "dark"


PATHS = st.sampled_from([*(key.path for key in KEYS), "keys.archive", "keys.open", "xero.nothing"])
VALUES = st.one_of(
    *(URLS, WORDS, TIMES, STORES, OWN_KEYS.flatmap(lambda keys: st.sampled_from([*keys.values(), "x"]))),
    *(st.text(), st.integers().map(str), st.floats().map(str), st.booleans().map(str)),
)
BEGINNINGS = st.sampled_from(
    [
        "",
        "# a comment\n",
        '[xero]\nclient_id = "ABC"\n',
        "[sync]\npoll_seconds = 0\n",
        "[nonsense\n",
        "xero = 1\n",
    ]
)


@hypothesis_settings(max_examples=examples(200))
@given(BEGINNINGS, PATHS, VALUES)
def test_valid_values_are_read_back_and_rejected_ones_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, before: str, path: str, text: str
) -> None:
    file = tmp_path_factory.getbasetemp() / "set" / "settings.toml"
    file.parent.mkdir(exist_ok=True)
    written(file, before)
    try:
        set_value(file, path, text)
    except SettingsError:
        assert file.read_text(encoding="utf-8") == before
        return
    found = load_report(file, {})
    assert not [problem for problem in found.problems if path in messages.message(problem)]
    if text:
        assert value_of(found.settings, path) == find_key(path).validator.validate(text)
        assert found.sources[path] == "settings.toml"
    else:
        assert path not in found.sources
    assert [one.name for one in file.parent.iterdir()] == ["settings.toml"]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("[scren]\n", "screen"),
        ('[screen]\nthem = "x"\n', "theme"),
        ("[sync]\npoll_second = 3\n", "poll_seconds"),
    ],
)
def test_unknown_name_suggests_only_the_nearest(tmp_path: Path, written: str, meant: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(written, encoding="utf-8")
    for problem in load_report(file, {}).problems:
        assert messages.next_step(problem) == f"Did you mean {meant}?"
        assert ", " not in messages.message(problem).partition(str(file))[2]


# --- names of earlier versions ---


OLD = """
[released]
feed_url = "http://127.0.0.1:1"
window_start = "01:00"
"""


def test_file_with_old_names_works_with_a_notice(tmp_path: Path) -> None:
    file = written(tmp_path / "settings.toml", OLD)
    found = load_report(file, {})
    assert not found.problems
    assert found.settings.re_leased == ReLeasedSettings("http://127.0.0.1:1", "01:00")
    told = [messages.message(notice) for notice in found.notices]
    assert len(told) == 2
    assert "released.feed_url is now called re_leased.feed_url" in told[0]


def test_new_name_overrides_the_old_one(tmp_path: Path) -> None:
    file = written(tmp_path / "settings.toml", f'{OLD}\n[re_leased]\nwindow_start = "02:00"\n')
    assert load_report(file, {}).settings.re_leased == ReLeasedSettings("http://127.0.0.1:1", "02:00")


def test_old_variable_name_works_with_a_notice(tmp_path: Path) -> None:
    old = {"RESHELVE_RELEASED_WINDOW_END": "05:00"}
    found = load_report(tmp_path / "settings.toml", old)
    assert not found.problems
    assert found.settings.re_leased.window_end == "05:00"
    assert "RESHELVE_RE_LEASED_WINDOW_END" in messages.message(found.notices[0])
    both = load_report(tmp_path / "settings.toml", {**old, "RESHELVE_RE_LEASED_WINDOW_END": "04:00"})
    assert both.settings.re_leased.window_end == "04:00"


def test_setting_a_key_by_its_earlier_name_writes_the_new_one(tmp_path: Path) -> None:
    file = written(tmp_path / "settings.toml", OLD)
    set_value(file, "released.window_end", "05:00")
    assert "[released]" not in file.read_text(encoding="utf-8")
    assert load(file, {}).re_leased == ReLeasedSettings("http://127.0.0.1:1", "01:00", "05:00")
    assert unset(file, "released.window_start")
    assert not load_report(file, {}).notices


# --- Unified.to ---


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("re_leased.unified_url", "https://api.unified.to.evil.example", SettingsReason.INVALID_UNIFIED_URL),
        ("re_leased.unified_url", "https://elsewhere.example", SettingsReason.INVALID_UNIFIED_URL),
        ("re_leased.unified_url", "https://api.unified.to/v2", SettingsReason.INVALID_UNIFIED_URL),
        ("re_leased.unified_url", "http://api.unified.to", SettingsReason.INVALID_UNIFIED_URL),
        ("re_leased.archived_field", "isArchived", SettingsReason.INVALID_RAW_FIELD),
        ("re_leased.archived_field", "raw", SettingsReason.INVALID_RAW_FIELD),
        ("re_leased.xero_id_field", "raw..id", SettingsReason.INVALID_RAW_FIELD),
        ("re_leased.archived_values", "Archived,,", SettingsReason.INVALID_WORDS),
        (f"organisations.{TENANT}.unified_connection_id", "a/b", SettingsReason.INVALID_RE_LEASED_ID),
        (f"organisations.{TENANT}.re_leased_company_id", "7 0", SettingsReason.INVALID_RE_LEASED_ID),
    ],
)
def test_invalid_re_leased_address_is_rejected(
    file: Path, path: str, value: str, reason: SettingsReason
) -> None:
    with pytest.raises(SettingsError) as caught:
        set_value(file, path, value)
    assert caught.value.reason is reason
    assert not file.exists()


def test_an_organisation_is_read_through_its_own_connection(file: Path) -> None:
    assert unified_connection(load(file, {}), TENANT) is None
    set_value(file, f"organisations.{TENANT}.unified_connection_id", "68f0c0de")
    set_value(file, f"organisations.{TENANT}.re_leased_company_id", "702")
    set_value(file, "re_leased.archived_field", "raw.status")
    set_value(file, "re_leased.archived_values", " Archived , Gone")
    loaded = load(file, {})
    assert unified_connection(loaded, TENANT) == UnifiedConnection(
        "https://api.unified.to", "68f0c0de", "702", "raw.status", ("Archived", "Gone"), ""
    )
    assert unified_connection(loaded, "another") is None
