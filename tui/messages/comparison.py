"""Texts about files of contacts from Re-Leased, and comparing them with Xero."""

from __future__ import annotations

from typing import Final

from tui.messages.texts import Catalogue, Text
from tui.model.reasons import ComparisonReason, FileNote, FileReason

_EXPORT_AGAIN: Final = "Export it again."
_EXPORT_FEWER: Final = "Export fewer contacts at a time."
_CHOOSE_CSV: Final = "Choose a CSV or Excel file."
_SAVE_AS_CSV: Final = "Save it as CSV or .xlsx, then try again."
_SET_ENCODING: Final = "Set the encoding with --encoding, such as utf-8 or utf-16-le."
_CORRECT_LINE: Final = "Correct the line, or export the file again."
_CLOSE_QUOTE: Final = f"A quotation mark isn't closed. {_CORRECT_LINE}"
_STATUS_WORDS: Final = "Use Active or Archived, or Yes and No in a column named Archived."
_FIELDS: Final = "Line {line}: it has {fields:field} for {width:column}."
_WAIT_UNTIL_LOADED: Final = "Open Reshelve and wait until they are loaded, then try again."

# Problems with a file, and what to do about them. Nothing was changed in any of these cases.
_FILE: Final = {
    FileReason.CANT_OPEN: ("Can't open the file: {problem}.", ""),
    FileReason.CANT_READ: ("Can't read the file: {problem}.", ""),
    FileReason.NOT_A_FILE_NAME: ("Can't open the file: that isn't a file name.", _CHOOSE_CSV),
    FileReason.FOLDER: ("This is a folder.", _CHOOSE_CSV),
    FileReason.NOT_REGULAR: ("This isn't a regular file.", _CHOOSE_CSV),
    FileReason.INVALID_MODIFIED_AT: (
        "The file's modification date isn't valid.",
        "Save a copy of the file and choose that.",
    ),
    FileReason.CHANGED: ("The file changed while it was being read.", "Try again."),
    FileReason.EMPTY: ("The file is empty.", _EXPORT_AGAIN),
    FileReason.BLANK: ("The file is blank.", _EXPORT_AGAIN),
    FileReason.TOO_LARGE: ("The file is larger than {megabytes} MB.", _EXPORT_FEWER),
    FileReason.TOO_MANY_LINES: ("The file has more than {most:line}.", _EXPORT_FEWER),
    FileReason.LINE_TOO_LONG: (
        "Line {line}: it has more than {most:character}.",
        "Choose a CSV file with one line per contact.",
    ),
    FileReason.FIELD_TOO_LONG: (
        "Line {line}: a field has more than {most:character}.",
        "Leave that column out of the export, or shorten the field.",
    ),
    FileReason.EXCEL: (
        "This isn't a valid Excel workbook (.xlsx): it is damaged, or another kind of ZIP file.",
        f"Open it in a spreadsheet program. {_SAVE_AS_CSV}",
    ),
    FileReason.SEVERAL_SHEETS: (
        "Several sheets of this workbook could be the contacts: {sheets}.",
        "Choose one with --sheet.",
    ),
    FileReason.UNKNOWN_SHEET: (
        "The workbook has no visible sheet named “{name}”.",
        "Choose from its sheets ({sheets}) with --sheet.",
    ),
    FileReason.NO_SHEETS: ("This file isn't a workbook, so it has no sheets.", "Leave out --sheet."),
    FileReason.TOO_MANY_CELLS: ("The workbook has more than {most:cell}.", _EXPORT_FEWER),
    FileReason.NO_HEADER_ROW: (
        "Line {line} is blank or doesn't exist, so it can't have the column names.",
        "Set the line of the column names with --header-row.",
    ),
    FileReason.OLD_EXCEL: (
        "This is an old Excel workbook (.xls), or one with a password.",
        f"Open it in a spreadsheet program and remove the password, if there is one. {_SAVE_AS_CSV}",
    ),
    FileReason.PDF: ("This is a PDF, not a CSV or Excel file.", "Export the contacts as CSV or Excel."),
    FileReason.COMPRESSED: ("This is a compressed file, not a CSV or Excel file.", _SAVE_AS_CSV),
    FileReason.RTF: ("This is a text document (RTF), not a CSV or Excel file.", _SAVE_AS_CSV),
    FileReason.WEB_PAGE: (
        "This is a web page, not a CSV or Excel file.",
        "Export the contacts as CSV or Excel.",
    ),
    FileReason.NOT_TEXT: (
        "Line {line}: it contains a NUL character, so it isn't text.",
        "Export the file again, or choose another. If it is UTF-16, use --encoding utf-16-le.",
    ),
    FileReason.UNDECODABLE: ("Line {line}: it has characters that can't be decoded.", _SET_ENCODING),
    FileReason.UNKNOWN_ENCODING: ("Unknown encoding.", _SET_ENCODING),
    FileReason.INVALID_DELIMITER: (
        "The delimiter must be one character.",
        "You can also use {names}.",
    ),
    FileReason.UNCLOSED_QUOTE: ("Line {line}: a quotation mark isn't closed.", _CORRECT_LINE),
    FileReason.STRAY_QUOTE: (
        "Line {line}: it isn't valid CSV ({problem}).",
        f"A quotation mark inside a field must be doubled. {_CORRECT_LINE}",
    ),
    FileReason.INVALID_CSV: ("Line {line}: it isn't valid CSV ({problem}).", _CLOSE_QUOTE),
    FileReason.NO_CONTACT_COLUMN: (
        "Line {line}: there is no column named Name, Email or External ID.",
        "Choose from its columns ({columns}) with --name-column, --email-column or --id-column.",
    ),
    FileReason.NO_STATUS_COLUMN: (
        "Line {line}: no column shows which contacts are archived.",
        "Use --archived or --active for all, or choose from its columns ({columns}) with --status-column.",
    ),
    FileReason.UNKNOWN_COLUMN: (
        "Line {line}: there is no column named “{name}”.",
        "Choose from its columns ({columns}).",
    ),
    FileReason.DUPLICATE_COLUMN: (
        "Line {line}: two columns are named “{name}”.",
        "Rename one of them.",
    ),
    FileReason.NO_CONTACTS: ("There are no contacts below the column names.", _EXPORT_AGAIN),
    FileReason.TOO_MANY_FIELDS: (
        _FIELDS,
        "Put quotation marks around fields that contain the delimiter, and name every column.",
    ),
    FileReason.TOO_FEW_FIELDS: (
        _FIELDS,
        "Its status is missing. Put quotation marks around fields that contain a line break.",
    ),
    FileReason.NO_STATUS: (
        "Line {line}: it has no status.",
        _STATUS_WORDS,
    ),
    FileReason.UNKNOWN_STATUS: (
        "Line {line}: “{word}” isn't a known status.",
        _STATUS_WORDS,
    ),
    FileReason.OTHER_STATUS: (
        "Line {line}: it says “{word}”, but you chose {status} for all contacts.",
        "Remove that option, or choose another file.",
    ),
    FileReason.FUTURE_EXPORT_DATE: (
        "The export date is in the future.",
        "Enter when the file was exported.",
    ),
    FileReason.EXPORT_DATE_AFTER_CHANGE: (
        "The export date is after the file was last modified, {modified_at}.",
        "Enter when the file was exported.",
    ),
    FileReason.FUTURE_FILE_DATE: (
        "The file's own date, {modified_at}, is in the future.",
        "Set the export date with --dated.",
    ),
}

TEXTS: Final[Catalogue] = {
    **{
        reason: Text(problem, f"Nothing was changed. {advice}".strip())
        for reason, (problem, advice) in _FILE.items()
    },
    FileNote.READ_AS_UTF_16: Text("No byte order mark; read as UTF-16."),
    FileNote.READ_AS_CP1252: Text("Not UTF-8; read as Windows-1252."),
    FileNote.HEADER_BELOW_TITLE: Text("Column names are on line {line}."),
    FileNote.SKIPPED_LINES: Text(
        "Skipped {count:line} without a contact ({lines}), such as totals or remarks."
    ),
    FileNote.DELETED_CONTACTS: Text(
        "Skipped {count:contact} that Re-Leased lists as Deleted Contact: they aren't compared."
    ),
    FileNote.READ_SHEET: Text("Only the sheet “{sheet}” is read."),
    FileNote.OTHER_ORGANISATION: Text(
        "None of the file's Xero IDs belongs to this organisation. It may be another organisation's file."
    ),
    FileNote.INVALID_IDS: Text(
        "{count:ID in the file isn't a Xero ID/IDs in the file aren't Xero IDs}. Lines without a Xero ID are "
        "matched by name and e-mail."
    ),
    FileNote.NEWER_THAN_CONTACTS: Text(
        "The contacts were last loaded from Xero before the file was exported. Changes in between show as "
        "differences.",
        "Keep Reshelve open to refresh them.",
    ),
    ComparisonReason.NOTHING_LOADED: Text(
        "The contacts haven't been loaded from Xero yet.", _WAIT_UNTIL_LOADED
    ),
    ComparisonReason.PARTLY_LOADED: Text(
        "Not all contacts have been loaded from Xero yet.", _WAIT_UNTIL_LOADED
    ),
    ComparisonReason.TIME_UNKNOWN: Text(
        "Xero's time isn't known yet, so a comparison can't be dated.",
        "Nothing was changed. Try again once Xero responds.",
    ),
    ComparisonReason.STOPPED: Text("The comparison was stopped.", "Nothing was changed."),
}
