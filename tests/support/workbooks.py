"""Excel workbooks for tests, written part by part, so that odd ones can be written too."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_TYPES: Final = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"


def workbook(
    sheets: Mapping[str, Sequence[Sequence[object]] | str],
    *,
    hidden: Sequence[str] = (),
    first_row: int = 1,
    extra: Mapping[str, str] | None = None,
) -> bytes:
    """Return a workbook. A sheet is its rows, the first of which is `first_row`, or its XML."""
    file = io.BytesIO()
    listed, related = "", ""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", f'<Types xmlns="{_PACKAGE}/content-types"/>')
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r" '
            f'Type="{_TYPES}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        for number, (name, rows) in enumerate(sheets.items(), 1):
            state = ' state="hidden"' if name in hidden else ""
            listed += f'<sheet name={quoteattr(name)} sheetId="{number}" r:id="r{number}"{state}/>'
            related += (
                f'<Relationship Id="r{number}" Type="{_TYPES}/worksheet" '
                f'Target="worksheets/sheet{number}.xml"/>'
            )
            xml = rows if isinstance(rows, str) else sheet_xml(rows, first_row)
            archive.writestr(f"xl/worksheets/sheet{number}.xml", xml)
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_TYPES}"><sheets>{listed}</sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{_PACKAGE}/relationships">{related}</Relationships>',
        )
        for name, text in (extra or {}).items():
            archive.writestr(name, text)
    return file.getvalue()


def sheet_xml(rows: Sequence[Sequence[object]], first_row: int = 1, *, has_positions: bool = True) -> str:
    """Return the XML of a sheet; None is a cell that isn't there."""
    parts = []
    for number, row in enumerate(rows, first_row):
        cells = "".join(
            _cell(value, f' r="{_column(place)}{number}"' if has_positions else "")
            for place, value in enumerate(row)
            if value is not None
        )
        parts.append(f'<row r="{number}">{cells}</row>' if has_positions else f"<row>{cells}</row>")
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(parts)}</sheetData></worksheet>'


def _cell(value: object, position: str) -> str:
    if isinstance(value, bool):
        return f'<c{position} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, int | float):
        return f"<c{position}><v>{value}</v></c>"
    return f'<c{position} t="inlineStr"><is><t xml:space="preserve">{escape(str(value))}</t></is></c>'


def _column(place: int) -> str:
    return chr(ord("A") + place)
