"""Load `settings.toml` and the environment; each problem names where it is."""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tui.model.errors import SettingsError
from tui.model.reasons import SettingsReason
from tui.settings.schema import (
    KEY_BINDINGS,
    KEYS,
    ORGANISATIONS,
    PREFIX,
    SECTIONS,
    UNIFIED_KEY_VARIABLE,
    OrganisationSettings,
    ReLeasedSettings,
    ScreenSettings,
    SettingKey,
    Settings,
    SyncSettings,
    XeroSettings,
    closest,
    is_action,
    is_lenient,
    key_binding,
    old_variables,
    organisation_keys,
    with_current_names,
)
from tui.settings.validators import InvalidValueError, printable
from tui.system.paths import is_tenant_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_HOME: Final = "RESHELVE_HOME"
_OLD_VARIABLES: Final = old_variables({key.path: key.variable for key in KEYS}, PREFIX)
_VARIABLES: Final = frozenset({_HOME, UNIFIED_KEY_VARIABLE, *(key.variable for key in KEYS), *_OLD_VARIABLES})


@dataclass(frozen=True, slots=True)
class SettingsReport:
    """The settings and where they come from. Invalid values are at their default in `settings`.

    `problems` stop Reshelve, `warnings` don't. `notices` name settings that still use a name of an earlier
    version. `sources` maps a key's path to the variable or file that set it. `unknown_variables` are
    variables that start like settings but aren't.
    """

    settings: Settings
    sources: Mapping[str, str]
    problems: tuple[SettingsError, ...]
    warnings: tuple[SettingsError, ...]
    notices: tuple[SettingsError, ...]
    unknown_variables: tuple[str, ...]


def load(file: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Load the settings; values that only cause a warning are at their default.

    Raises `SettingsError`.
    """
    found = load_report(file, environment)
    if found.problems:
        raise found.problems[0]
    return found.settings


def load_report(file: Path, environment: Mapping[str, str] | None = None) -> SettingsReport:
    """Load the settings and collect all problems."""
    environment = os.environ if environment is None else environment
    problems: list[SettingsError] = []
    warnings: list[SettingsError] = []
    renamed: dict[str, str] = {}
    try:
        stored, renamed = with_current_names(_read_as_written(file))
    except SettingsError as error:
        stored = {}
        problems.append(error)
    notices = [
        SettingsError(SettingsReason.RENAMED, place=f"{file}: {old}", name=new)
        for old, new in renamed.items()
    ]
    environment = {**environment}
    for old, new in _OLD_VARIABLES.items():
        if old in environment:
            notices.append(SettingsError(SettingsReason.RENAMED, place=old, name=new))
            environment.setdefault(new, environment[old])
    for section, problem in _name_problems(stored, file):
        (warnings if is_lenient(section) else problems).append(problem)
    values: dict[str, dict[str, Any]] = {section: {} for section in SECTIONS}
    sources: dict[str, str] = {}
    for key in (*KEYS, *_user_named_keys(stored)):
        place, source, value = f"{file}: {key.path}", file.name, section_of(stored, key.section).get(key.name)
        if key.variable and key.variable in environment:
            place, source, value = key.variable, key.variable, environment[key.variable]
        if value is None:
            continue
        sources[key.path] = source
        try:
            if value != "":
                values.setdefault(key.section, {})[key.name] = validate_value(key, value, place)
        except SettingsError as error:
            (warnings if is_lenient(key.section) else problems).append(error)
    unknown_variables = tuple(
        sorted(name for name in environment if name.startswith(PREFIX) and name not in _VARIABLES)
    )
    problems += _mistyped_variables(unknown_variables)
    return SettingsReport(
        _build(values), sources, tuple(problems), tuple(warnings), tuple(notices), unknown_variables
    )


def validate_value(key: SettingKey, value: object, place: str) -> Any:
    """Return the validated value. Raises `SettingsError` with the place."""
    try:
        return key.validator.validate(value)
    except InvalidValueError as error:
        raise SettingsError(error.notice.reason, place=place, **error.notice.params) from None


def read(file: Path) -> dict[str, Any]:
    """Return the file's content under current names, not validated; empty without a file.

    Raises `SettingsError`.
    """
    return with_current_names(_read_as_written(file))[0]


def _read_as_written(file: Path) -> dict[str, Any]:
    try:
        if file.exists() and not file.is_file():
            raise SettingsError(SettingsReason.NOT_A_FILE, file=str(file))
        content = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(
            SettingsReason.FILE_UNREADABLE, file=str(file), problem=str(error.strerror)
        ) from None
    text = _decoded(content, file)
    import tomllib

    try:
        return tomllib.loads(text)
    # Besides its own errors: huge numbers and deeply nested brackets.
    except (ValueError, RecursionError) as error:
        raise SettingsError(SettingsReason.NOT_TOML, file=str(file), problem=printable(str(error))) from None


def _decoded(content: bytes, file: Path) -> str:
    """Return the text of the file, without a byte order mark."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content:
        raise SettingsError(SettingsReason.NOT_TEXT_FILE, file=str(file))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError(SettingsReason.NOT_UTF8, file=str(file), line=line) from None


def section_of(stored: Mapping[str, Any], section: str) -> dict[str, Any]:
    """Return a section of the file, empty if it is missing or not a section.

    A dot leads to a subsection.
    """
    outer, _, inner = section.partition(".")
    values = stored.get(outer, {})
    values = values if isinstance(values, dict) else {}
    return section_of(values, inner) if inner else values


def no_section(file: Path, section: str) -> SettingsError:
    """Return an error for a name that should be a section but isn't."""
    return SettingsError(SettingsReason.NOT_A_SECTION, file=str(file), section=section)


def _build(values: Mapping[str, dict[str, Any]]) -> Settings:
    return Settings(
        xero=XeroSettings(**values["xero"]),
        re_leased=ReLeasedSettings(**values["re_leased"]),
        sync=SyncSettings(**values["sync"]),
        screen=ScreenSettings(**values["screen"]),
        organisations={
            section.partition(".")[2]: OrganisationSettings(**some)
            for section, some in values.items()
            if section.startswith(f"{ORGANISATIONS}.")
        },
        keys=values[KEY_BINDINGS],
    )


def _user_named_keys(stored: Mapping[str, Any]) -> Iterator[SettingKey]:
    """Yield the keys whose names come from the user: actions and tenant IDs."""
    for name in section_of(stored, KEY_BINDINGS):
        if is_action(name):
            yield key_binding(name)
    for tenant_id in section_of(stored, ORGANISATIONS):
        if is_tenant_id(tenant_id):
            yield from organisation_keys(tenant_id)


def _name_problems(stored: Mapping[str, Any], file: Path) -> Iterator[tuple[str, SettingsError]]:
    """Yield problems with names in the file, each with its section."""
    for section, values in stored.items():
        if section not in SECTIONS:
            yield (
                section,
                SettingsError(
                    SettingsReason.UNKNOWN_SECTION,
                    file=str(file),
                    section=printable(section),
                    closest=closest(section, SECTIONS),
                    known=", ".join(f"[{name}]" for name in SECTIONS),
                ),
            )
        elif not isinstance(values, dict):
            yield section, no_section(file, section)
        elif section == ORGANISATIONS:
            for tenant_id, inner in values.items():
                for problem in _organisation_name_problems(tenant_id, inner, file):
                    yield section, problem
        else:
            for problem in _unknown_keys(section, values, file):
                yield section, problem


def _organisation_name_problems(tenant_id: str, values: object, file: Path) -> Iterator[SettingsError]:
    """Yield problems with names in one organisation's section."""
    section = f"{ORGANISATIONS}.{tenant_id}"
    if not is_tenant_id(tenant_id):
        yield SettingsError(SettingsReason.NOT_A_TENANT_ID, file=str(file), section=printable(section))
    elif not isinstance(values, dict):
        yield SettingsError(SettingsReason.NO_ORGANISATION_SECTION, file=str(file), name=tenant_id)
    else:
        yield from _unknown_keys(section, values, file)


def _unknown_keys(section: str, names: Iterable[str], file: Path) -> Iterator[SettingsError]:
    """Yield unknown keys in a section of the file."""
    tenant_id = section.partition(".")[2]
    keys = organisation_keys(tenant_id) if tenant_id else KEYS
    known = [key.name for key in keys if key.section == section]
    for name in names:
        if section == KEY_BINDINGS:
            if not is_action(name):
                yield SettingsError(SettingsReason.NOT_AN_ACTION, file=str(file), name=printable(name))
        elif name not in known:
            yield SettingsError(
                SettingsReason.UNKNOWN_KEY,
                file=str(file),
                section=section,
                name=printable(name),
                closest=closest(name, known),
                known=", ".join(known),
            )


def _mistyped_variables(unknown_variables: tuple[str, ...]) -> Iterator[SettingsError]:
    """Yield variables meant as settings: ignoring them could connect to the wrong Xero."""
    for name in unknown_variables:
        meant = closest(name, _VARIABLES - _OLD_VARIABLES.keys(), prefix=PREFIX)
        if name.startswith(f"{PREFIX}{ORGANISATIONS}_".upper()):
            yield SettingsError(SettingsReason.ORGANISATION_VARIABLE, name=printable(name))
        elif name.startswith(f"{PREFIX}{KEY_BINDINGS}_".upper()):
            yield SettingsError(SettingsReason.SHORTCUT_VARIABLE, name=printable(name))
        elif meant or any(name.startswith(f"{PREFIX}{section}_".upper()) for section in SECTIONS):
            yield SettingsError(SettingsReason.UNKNOWN_VARIABLE, name=printable(name), closest=meant)
