"""An animated picture: frames of the app, one after the other, as an SVG that needs no script.

Lines that are the same in several frames are stored once. What differs each time, such as times of day, is
replaced, so that two recordings of the same steps are equal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from rich.cells import cell_len
from rich.style import Style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.color import Color
    from textual.strip import Strip

CELL_WIDTH, LINE_HEIGHT = 8.4, 17
_MARGIN, _CAPTION = 10, 34
_BASELINE: Final = 13
_BACKGROUND, _FOREGROUND, _MUTED = "#16181f", "#c8d0ea", "#8b93ad"
_TIME: Final = re.compile(r"(?<![\d:])\d\d:\d\d(:\d\d)?(?![\d:])")
_PORT: Final = re.compile(r"(?<=127\.0\.0\.1:)\d{5}")
# A contact's ID at the end of a link, and the rest of it on the next line.
_ID_START: Final = re.compile(r"(?<=/contact/)[\da-f-]+")
_ID_END: Final = re.compile(r"^(?=.*\d)[\da-f-]{4,}$")
_SHOWN_ID: Final = "2b7e1516-28ae-42a6-8bf7-1588e09cf4f3"
_FONTS: Final = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace"

# The column, the width in cells, the text, its colour with decorations, and the colour behind it.
Part = tuple[int, int, str, str, str]
Line = tuple[Part, ...]


def parts_of(strip: Strip) -> Line:
    """Return what a line of the screen consists of, without what looks like the background."""
    parts: list[Part] = []
    column = 0
    for text, style, _ in strip:
        width = cell_len(text)
        css, behind = _css(style or Style())
        if behind != _BACKGROUND or text.strip():
            parts.append((column, width, _unchanging(text), css, behind))
        column += width
    return tuple(parts)


def _unchanging(text: str) -> str:
    text = _TIME.sub(lambda found: "09:41:20" if found[1] else "09:41", text)
    inner = text.strip()
    shown = _PORT.sub("50000", _ID_START.sub(lambda found: _SHOWN_ID[: len(found[0])], inner))
    shown = _ID_END.sub(lambda found: _SHOWN_ID[-len(found[0]) :], shown)
    return text.replace(inner, shown) if inner else text


def _css(style: Style) -> tuple[str, str]:
    """Return a style's declarations for text, and the colour behind it."""
    colour, behind = _hex(style.color, _FOREGROUND), _hex(style.bgcolor, _BACKGROUND)
    if style.reverse:
        colour, behind = behind, colour
    css = [f"fill:{colour}"]
    if style.bold:
        css.append("font-weight:bold")
    if style.italic:
        css.append("font-style:italic")
    if style.underline:
        css.append("text-decoration:underline")
    return ";".join(css), behind


def _hex(colour: Color | None, default: str) -> str:
    return default if colour is None or colour.is_default else colour.get_truecolor().hex


@dataclass(slots=True)
class Cast:
    """Frames of a screen of this size, each shown for some seconds with a caption.

    `still` is the number of the frame to show where nothing may move.
    """

    columns: int
    rows: int
    frames: list[tuple[tuple[Line, ...], float, str]] = field(default_factory=list)
    still: int = 0

    def add(self, lines: tuple[Line, ...], seconds: float, caption: str) -> None:
        """Add the next frame."""
        self.frames.append((lines, seconds, caption))

    def to_svg(self, title: str) -> str:
        """Return the picture; the title is its text alternative."""
        styles: dict[str, str] = {}
        lines: dict[Line, str] = {}
        for frame, _, _ in self.frames:
            for line in frame:
                lines.setdefault(line, f"l{len(lines)}")
        shared = "".join(f'<g id="{name}">{_draw(line, styles)}</g>\n' for line, name in lines.items())
        frames = "".join(
            self._frame(number, frame, caption, lines)
            for number, (frame, _, caption) in enumerate(self.frames)
        )
        width = round(self.columns * CELL_WIDTH) + 2 * _MARGIN
        height = self.rows * LINE_HEIGHT + 2 * _MARGIN + _CAPTION
        classes = "".join(f".{name}{{{css}}}" for css, name in styles.items())
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
            ' xml:space="preserve">\n'
            f"<title>{escape(title)}</title>\n"
            f"<style>text{{font:14px {_FONTS};white-space:pre}}.c{{font-size:15px;fill:{_FOREGROUND}}}"
            f".f{{visibility:hidden}}.s{{visibility:visible}}{classes}\n{self._animation()}</style>\n"
            f"<defs>\n{shared}</defs>\n"
            f'<rect width="{width}" height="{height}" rx="8" fill="{_BACKGROUND}"/>\n'
            f'<path d="M0 {height - _CAPTION}H{width}" stroke="{_MUTED}" stroke-opacity=".4"/>\n'
            f'<g transform="translate({_MARGIN} {_MARGIN})">\n{frames}</g>\n</svg>\n'
        )

    def _frame(self, number: int, frame: Sequence[Line], caption: str, lines: dict[Line, str]) -> str:
        still = " s" if number == self.still else ""
        used = "".join(
            f'<use href="#{lines[line]}" y="{row * LINE_HEIGHT}"/>' for row, line in enumerate(frame) if line
        )
        below = self.rows * LINE_HEIGHT + _MARGIN + 22
        return (
            f'<g class="f{still} f{number}">{used}<text class="c" y="{below}">{escape(caption)}</text></g>\n'
        )

    def _animation(self) -> str:
        """Return rules that show the frames in turn, for ever, unless the reader wants nothing to move."""
        total = sum(seconds for _, seconds, _ in self.frames)
        rules, start = [], 0.0
        for number, (_, seconds, _) in enumerate(self.frames):
            begin, end = 100 * start / total, 100 * (start + seconds) / total
            start += seconds
            steps = [
                *(["0%{visibility:hidden}"] if begin else []),
                f"{begin:.3f}%{{visibility:visible}}",
                *([f"{end:.3f}%,to{{visibility:hidden}}"] if number < len(self.frames) - 1 else []),
            ]
            rules.append(f"@keyframes k{number}{{{''.join(steps)}}}")
            rules.append(f".f{number}{{animation:k{number} {total:g}s step-end infinite}}")
        moving = "\n".join(rules)
        return f"@media (prefers-reduced-motion:no-preference){{\n{moving}\n}}\n"


def _draw(line: Line, styles: dict[str, str]) -> str:
    drawn = []
    for column, width, text, css, behind in line:
        x, wide = f"{column * CELL_WIDTH:g}", f"{width * CELL_WIDTH:g}"
        if behind != _BACKGROUND:
            drawn.append(f'<rect x="{x}" width="{wide}" height="{LINE_HEIGHT}" fill="{behind}"/>')
        if text.strip():
            # Spaces at the start would be stretched with the rest of the text.
            start = len(text) - len(text.lstrip())
            inner = text.strip()
            name = styles.setdefault(css, f"t{len(styles)}")
            drawn.append(
                f'<text class="{name}" x="{(column + start) * CELL_WIDTH:g}" y="{_BASELINE}"'
                f' textLength="{cell_len(inner) * CELL_WIDTH:g}">{escape(inner)}</text>'
            )
    return "".join(drawn)
