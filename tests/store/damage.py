"""Damages files of the store, like a bad disk."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PAGE = 4096


def spoil(file: Path, table: str, *, pages: int = 1, skip: int = 2) -> None:
    """Overwrite leaf pages of a table, past the first few, but never the last one."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
        assert connection.execute("PRAGMA page_size").fetchone()[0] == PAGE
    content = bytearray(file.read_bytes())
    leaves = _leaves(content, root)
    assert len(leaves) > skip + 1
    for page in leaves[skip : min(skip + pages, len(leaves) - 1)]:
        content[(page - 1) * PAGE : page * PAGE] = b"\xa5" * PAGE
    file.write_bytes(content)


def spoil_header(file: Path) -> None:
    """Overwrite the first page, after which nothing of the file can be read."""
    content = bytearray(file.read_bytes())
    content[:PAGE] = b"\xa5" * PAGE
    file.write_bytes(content)


def spoil_schema(file: Path, word: str, by: bytes) -> None:
    """Overwrite a word in the stored table definitions, wherever it is."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = file.read_bytes()
    pages = [content[place : place + PAGE] for place in range(0, len(content), PAGE)]
    spoilt = [page.replace(word.encode(), by) if b"CREATE " in page else page for page in pages]
    assert len(by) == len(word)
    assert spoilt != pages
    file.write_bytes(b"".join(spoilt))


def _leaves(content: bytearray, root: int) -> list[int]:
    """Follow the file format: an interior page of a table (type 5) lists its children."""
    start = (root - 1) * PAGE
    if content[start] != 5:
        return [root]
    cells = int.from_bytes(content[start + 3 : start + 5], "big")
    children = []
    for cell in range(cells):
        place = start + 12 + 2 * cell
        offset = int.from_bytes(content[place : place + 2], "big")
        children.append(int.from_bytes(content[start + offset : start + offset + 4], "big"))
    children.append(int.from_bytes(content[start + 8 : start + 12], "big"))
    return [leaf for child in children for leaf in _leaves(content, child)]
