"""Reads `settings.toml` and the environment, and names each mistake with its place."""

from __future__ import annotations

import codecs
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tui.model.errors import SettingsError
from tui.settings.renamed import old_variables, with_current_names
from tui.settings.schema import (
    KEY_BINDINGS,
    KEYS,
    ORGANISATIONS,
    PREFIX,
    SECTIONS,
    OrganisationSettings,
    ReLeasedSettings,
    ScreenSettings,
    SettingKey,
    Settings,
    SyncSettings,
    XeroSettings,
    is_action,
    is_lenient,
    key_binding,
    organisation_keys,
    suggestion,
)
from tui.settings.validators import InvalidValueError, printable
from tui.system.paths import is_tenant_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_SAVE_AS_UTF8: Final = "Save it again with the encoding UTF-8."
_HOME: Final = "RESHELVE_HOME"
_OLD_VARIABLES: Final = old_variables({key.path: key.variable for key in KEYS}, PREFIX)
_VARIABLES: Final = frozenset({_HOME, *(key.variable for key in KEYS), *_OLD_VARIABLES})


@dataclass(frozen=True, slots=True)
class SettingsReport:
    """The settings and how they came about. What is wrong is at its default in `settings`.

    `problems` stop Reshelve, `warnings` don't. `notices` name settings that are read by a name of an earlier
    version. `sources` names, by a key's path, the variable or the file that set it. `unknown_variables` are
    variables that begin like settings and are none.
    """

    settings: Settings
    sources: Mapping[str, str]
    problems: tuple[SettingsError, ...]
    warnings: tuple[SettingsError, ...]
    notices: tuple[SettingsError, ...]
    unknown_variables: tuple[str, ...]


def load(file: Path, environment: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; what only deserves a warning is at its default.

    Raises `SettingsError` naming the place, the key and what is allowed.
    """
    found = load_report(file, environment)
    if found.problems:
        raise found.problems[0]
    return found.settings


def load_report(file: Path, environment: Mapping[str, str] | None = None) -> SettingsReport:
    """Read the settings, and go on where something is wrong."""
    environment = os.environ if environment is None else environment
    problems: list[SettingsError] = []
    warnings: list[SettingsError] = []
    renamed: dict[str, str] = {}
    try:
        stored, renamed = with_current_names(_read_as_written(file))
    except SettingsError as error:
        stored = {}
        problems.append(error)
    notices = [_notice(f"{file}: {old}", new) for old, new in renamed.items()]
    environment = {**environment}
    for old, new in _OLD_VARIABLES.items():
        if old in environment:
            notices.append(_notice(old, new))
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
    """Return the value as the key keeps it. Raises `SettingsError` that begins with the place."""
    try:
        return key.validator.validate(value)
    except InvalidValueError as error:
        raise SettingsError(f"{place} {error}") from None


def read(file: Path) -> dict[str, Any]:
    """Return what the file holds by today's names, unchecked; nothing without a file.

    Raises `SettingsError`.
    """
    return with_current_names(_read_as_written(file))[0]


def _notice(place: str, new: str) -> SettingsError:
    return SettingsError(f"{place} is called {new} now.", "The old name still works.")


def _read_as_written(file: Path) -> dict[str, Any]:
    try:
        if file.exists() and not file.is_file():
            raise SettingsError(f"{file} is not a text file.", "Move it to another place.")
        content = file.read_bytes()
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise SettingsError(
            f"{file} can't be read: {error.strerror}.", "Check that you may read it, or delete it."
        ) from None
    text = _decoded(content, file)
    import tomllib

    try:
        return tomllib.loads(text)
    # Besides its own errors: numbers beyond all measure, and brackets within brackets without end.
    except (ValueError, RecursionError) as error:
        raise SettingsError(
            f"{file} can't be read as TOML: {printable(str(error))}.", "Correct the line, or delete the file."
        ) from None


def _decoded(content: bytes, file: Path) -> str:
    """Return the text of the file, without the mark that some editors put at its start."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content:
        raise SettingsError(f"{file} is saved as UTF-16 or isn't text.", _SAVE_AS_UTF8)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{file} isn't saved as UTF-8: see line {line}.", _SAVE_AS_UTF8) from None


def section_of(stored: Mapping[str, Any], section: str) -> dict[str, Any]:
    """Return a section of the file, empty where there is none or something else has its name.

    A dot leads into a section of a section.
    """
    outer, _, inner = section.partition(".")
    values = stored.get(outer, {})
    values = values if isinstance(values, dict) else {}
    return section_of(values, inner) if inner else values


def no_section(file: Path, section: str) -> SettingsError:
    """Say that something else stands where a section belongs."""
    return SettingsError(f"{file}: {section} has to be a section, written [{section}].")


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
    """Yield the keys under names that nobody could have declared: actions and tenant ids."""
    for name in section_of(stored, KEY_BINDINGS):
        if is_action(name):
            yield key_binding(name)
    for tenant_id in section_of(stored, ORGANISATIONS):
        if is_tenant_id(tenant_id):
            yield from organisation_keys(tenant_id)


def _name_problems(stored: Mapping[str, Any], file: Path) -> Iterator[tuple[str, SettingsError]]:
    """Yield what is wrong with the names in the file, each with its section."""
    for section, values in stored.items():
        if section not in SECTIONS:
            known = ", ".join(f"[{name}]" for name in SECTIONS)
            yield (
                section,
                SettingsError(
                    f"{file}: there is no section [{printable(section)}].",
                    suggestion(section, SECTIONS) or f"The sections are {known}.",
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
    """Yield what is wrong with the names in one organisation's section."""
    section = f"{ORGANISATIONS}.{tenant_id}"
    if not is_tenant_id(tenant_id):
        yield SettingsError(f"{file}: [{printable(section)}] names no organisation: tenant ids are UUIDs.")
    elif not isinstance(values, dict):
        yield SettingsError(
            f"{file}: [{ORGANISATIONS}] has a section for each organisation, by its tenant id.",
            f'Write such as [{ORGANISATIONS}."{tenant_id}"].',
        )
    else:
        yield from _unknown_keys(section, values, file)


def _unknown_keys(section: str, names: Iterable[str], file: Path) -> Iterator[SettingsError]:
    """Yield the keys that a section of the file hasn't got."""
    tenant_id = section.partition(".")[2]
    keys = organisation_keys(tenant_id) if tenant_id else KEYS
    known = [key.name for key in keys if key.section == section]
    for name in names:
        if section == KEY_BINDINGS:
            if not is_action(name):
                yield SettingsError(f"{file}: [{section}] has {printable(name)}, which is no action's name.")
        elif name not in known:
            yield SettingsError(
                f"{file}: [{section}] has no key {printable(name)}.",
                suggestion(name, known) or f"Its keys are {', '.join(known)}.",
            )


def _mistyped_variables(unknown_variables: tuple[str, ...]) -> Iterator[SettingsError]:
    """Yield the variables that were meant to be settings: unheeded, they would lead to the wrong Xero."""
    for name in unknown_variables:
        advice = suggestion(name, _VARIABLES - _OLD_VARIABLES.keys(), prefix=PREFIX)
        if name.startswith(f"{PREFIX}{ORGANISATIONS}_".upper()):
            advice = f"Organisations have sections of the file alone, [{ORGANISATIONS}.…]."
        if name.startswith(f"{PREFIX}{KEY_BINDINGS}_".upper()):
            advice = f"Keys can be set in the file alone, in the section [{KEY_BINDINGS}]."
        is_ours = any(name.startswith(f"{PREFIX}{section}_".upper()) for section in SECTIONS)
        if advice or is_ours:
            yield SettingsError(
                f"{printable(name)} is no setting.",
                advice or "Run `reshelve settings` to see those there are.",
            )
