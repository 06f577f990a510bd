"""Textual's private parts are as expected, and our overrides survive any terminal input."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import subprocess
import sys
import termios
import threading
import time
from contextlib import contextmanager
from random import Random
from typing import TYPE_CHECKING, ClassVar

import pytest
import textual
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual._compositor import Compositor
from textual._styles_cache import StylesCache
from textual._xterm_parser import XTermParser
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.cache import LRUCache
from textual.command import CommandPalette
from textual.containers import Horizontal
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.drivers.linux_driver import LinuxDriver
from textual.geometry import Region, Size
from textual.message_pump import MessagePump
from textual.screen import Screen
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input, Label, OptionList, Static

from tui.compat import terminal_driver
from tui.compat.terminal_driver import TerminalDriver, TerminalInput
from tui.compat.textual import (
    TEXTUAL_VERSION,
    CrashSafeApp,
    GuardedScreen,
    LineInput,
    PaintedView,
    ReadyButton,
)
from tui.model.errors import StoreClosedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PARTS = {
    App: "_background_screens _check_bindings _close_messages_no_wait _exception_event _handle_exception"
    " _keymap _load_screen_css _registry action_command_palette get_driver_class on_event run_action panic"
    " search_themes",
    Compositor: "_get_renders render_partial_update render_strips visible_widgets",
    CommandPalette: "_action_command_list _action_cursor_down",
    LRUCache: "clear",
    LinuxDriver: "_enable_mouse_support _get_terminal_size _run_input_thread _sigcont_application"
    " _sigtstp_application close process_message resume_application_mode run_input_thread"
    " start_application_mode stop_application_mode suspend_application_mode write",
    MessagePump: "_close_messages _parent",
    OptionList: "_lines _move_page",
    Input: "_watch_value",
    Screen: "_compositor_refresh _extend_compose _get_breakpoint_classes _on_resize"
    " _push_result_callback dismiss",
    ScrollView: "_scroll_update set_reactive virtual_size",
    ScrollBar: "renderer render_lines",
    StylesCache: "get_inner_outer",
    Stylesheet: "add_source has_source parse read_all update",
    RuleSet: "__hash__",
    Strip: "divide",
    Widget: "_get_default_css _set_dirty render_lines",
    XTermParser: "_sequence_to_key_events feed parse_mouse_code tick",
}


async def test_textual_version_is_the_one_the_overrides_were_written_for() -> None:
    assert textual.__version__.startswith(f"{TEXTUAL_VERSION}.")
    app: App[None] = App()
    driver = LinuxDriver(app)
    missing = [
        f"{owner.__name__}.{name}"
        for owner, names in _PARTS.items()
        for name in names.split()
        if not hasattr(app if owner is App else owner, name)
    ]
    missing += [
        f"{type(one).__name__}.{name}"
        for one, names in {
            Input(): "_bindings",
            Stylesheet(): "_parse_cache source",
            XTermParser(): "_timeout_time",
            LRUCache(1): "_cache _full _head",
            app: "_exception _exit _return_code _closing _closed _mounted_event _running",
            driver: "_auto_restart _must_signal_resume _key_thread _writer_thread exit_event fileno",
        }.items()
        for name in names.split()
        if not hasattr(one, name)
    ]
    assert missing == []


# --- what terminals send ---

_STRAY = [
    *(
        b"\xff",
        b"\x80",
        b"\xe2\x82",
        b"\xf0\x9f",
        b"\xc3",
        b"\xed\xa0\x80",
        b"\x1b[55296u",
        b"\x1b[97:1;2:3u",
    ),
    *(b"\x1b[99999999999999999999u", b"\x1b[<0;0;0m", b"\x1b[<35;999999;1M", b"\x1b[<9999999999;1;1M"),
    *(b"\x1b[M\xff\xff\xff", b"\x1b[48;0;0;0;0t", b"\x1b[48;99999999;9;9;9t", b"\x1b[1;99999999A", b"\x00"),
]


def _keys(terminal: TerminalInput, typed: bytes) -> list[str]:
    return [event.key for event in terminal.feed(typed) if isinstance(event, events.Key)]


@pytest.mark.parametrize("stray", _STRAY)
def test_invalid_key_sequence_is_ignored_and_the_next_key_arrives(stray: bytes) -> None:
    terminal = TerminalInput()
    _keys(terminal, stray)
    # Ends any sequence that is open.
    _keys(terminal, b"\x1b[201~" * 2)
    assert _keys(terminal, b"a") == ["a"]


def test_invalid_utf8_byte_drops_no_key() -> None:
    terminal = TerminalInput()
    assert [key for part in (b"a\xffb", b"\xe2\x82", b"\xacc\x80d") for key in _keys(terminal, part)][:2] == [
        "a",
        "b",
    ]
    assert _keys(TerminalInput(), b"\xffa\xc3b\xe2\x82c") == ["a", "b", "c"]


def test_any_input_bytes_are_survived() -> None:
    chance = Random(11)  # noqa: S311 - nothing secret
    terminal = TerminalInput()
    pieces = [b"\x1b[", b"\x1b", b"\x1b[<", b"\x1b[200~", b"\x1b[201~", b";", b"u", b"M", b"9", b"\xff", b"~"]
    for _ in range(2000):
        piece = chance.choice([chance.randbytes(chance.randrange(1, 9)), *pieces])
        assert all(isinstance(event, textual.message.Message) for event in terminal.feed(piece))


def test_unfinished_paste_ends_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(terminal_driver, "monotonic", lambda: now)
    terminal = TerminalInput()
    assert _keys(terminal, b"\x1b[200~pasted") == []
    now = 60.0
    list(terminal.idle())
    assert _keys(terminal, b"a") == ["a"]


# An app as `reshelve serve` starts it: it answers keys, ends at a certain size, and then says how it went.
_IN_A_PAGE = """
import sys
from pathlib import Path
from tui.compat.textual import CrashSafeApp

class Letters(CrashSafeApp[None]):
    keys = ""

    def on_key(self, event):
        self.keys += event.character or ""
        self.copy_to_clipboard("answer")

    def on_resize(self, event):
        if event.size == (90, 30):
            self.exit()

app = Letters()
app.run()
Path(sys.argv[1]).write_text(f"{app.has_crashed} {app.keys}")
"""
_X, _RESIZE = (b"D", b"x"), (b"M", b'{"type": "resize", "width": 90, "height": 30}')
_PATIENCE_SECONDS = 30
_SURVIVED = "False x"


def _packets(*packets: tuple[bytes, bytes]) -> bytes:
    return b"".join(kind + len(payload).to_bytes(4, "big") + payload for kind, payload in packets)


@contextmanager
def _in_a_page(result: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(
        [sys.executable, "-c", _IN_A_PAGE, str(result)],
        env={**os.environ, "TEXTUAL_DRIVER": "textual.drivers.web_driver:WebDriver"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as program:
        try:
            yield program
        finally:
            program.kill()


@pytest.mark.slow
@pytest.mark.parametrize(
    "stray",
    [
        *((b"D", stray) for stray in (b"\xff\xfe\x80", b"\x1b[1114112u", b"\x1b[55296;1u", b"\x1b[<0;0;M")),
        (b"M", b'{"type": "resize", "width": "wide", "height": 9}'),
        (b"M", b'{"type": "resize", "width": 100, "height": 1000000000}'),
        (b"M", b'{"type": "unknown"}'),
    ],
    ids=range(7),
)
def test_what_a_page_sends_ends_no_program(tmp_path: Path, stray: tuple[bytes, bytes]) -> None:
    result = tmp_path / "result"
    with _in_a_page(result) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(_packets(stray, _X))
        program.stdin.flush()
        painted = b""
        while base64.b64encode(b"answer") not in painted:
            read = os.read(program.stdout.fileno(), 4096)
            assert read, painted
            painted += read
        program.stdin.write(_packets(_RESIZE))
        program.stdin.flush()
        program.wait(_PATIENCE_SECONDS)
    assert result.read_text() == _SURVIVED


@pytest.mark.slow
def test_program_survives_that_its_page_is_gone(tmp_path: Path) -> None:
    result = tmp_path / "result"
    with _in_a_page(result) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        assert program.stdout.readline() == b"__GANGLION__\n"
        program.stdout.close()
        program.stdin.write(_packets(_X, _RESIZE))
        program.stdin.flush()
        program.wait(_PATIENCE_SECONDS)
    assert result.read_text().startswith("False")


def test_scroll_bar_is_drawn_when_everything_fits() -> None:
    colour = textual.color.Color.parse("red").rich_color
    for vertical in (True, False):
        for length in range(1, 4):
            drawn = ScrollBar.renderer.render_bar(
                size=1,
                virtual_size=length,
                window_size=length,
                vertical=vertical,
                back_color=colour,
                bar_color=colour,
            )
            assert drawn.segments


# --- painting ---


class _Lines(PaintedView):
    """Paints its row numbers, and counts how often."""

    DEFAULT_CSS = "_Lines { overflow-y: scroll; overflow-x: hidden; background: blue; }"

    painted = 0

    def on_mount(self) -> None:
        self.virtual_size = Size(0, 200)

    def render_line(self, y: int) -> Strip:
        self.painted += 1
        row = self.scroll_offset.y + y
        return Strip([Segment(f"{row:<{self.size.width - 1}}", Style(color=f"color({row % 256})"))])


def _cells(strips: list[Strip]) -> list[list[tuple[str, Style | None]]]:
    return [[(char, style) for text, style, _ in strip for char in text] for strip in strips]


class _Recorded(Static):
    """Records which of its lines were asked for."""

    DEFAULT_CSS = "_Recorded { width: 10; height: 6; border: solid red; }"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.asked: list[tuple[int, int]] = []

    def render_lines(self, crop: Region) -> list[Strip]:
        self.asked.append((crop.y, crop.bottom))
        return super().render_lines(crop)


class _SideBySide(GuardedScreen[None]):
    def compose(self) -> ComposeResult:
        with Horizontal():
            yield _Recorded("left")
            yield _Recorded("right")


async def test_only_the_changed_lines_of_what_they_cross_are_rendered() -> None:
    app: CrashSafeApp[None] = CrashSafeApp()
    async with app.run_test(size=(30, 12)) as pilot:
        screen = _SideBySide()
        await app.push_screen(screen)
        await pilot.pause()
        left, right = screen.query(_Recorded)
        for widget in (left, right):
            widget.asked.clear()
        # Its third line; the border is above.
        right.refresh(Region(0, 2, 5, 1))
        await pilot.pause()
        assert left.asked == []
        assert right.asked == [(3, 4)]

        # All that is shown is as Textual would show it.
        ours = screen._compositor.render_strips()
        assert any("right" in strip.text for strip in ours)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(type(screen._compositor), "_get_renders", Compositor._get_renders)
            assert _cells(screen._compositor.render_strips()) == _cells(ours)


@pytest.mark.parametrize("ansi_color", [False, True])
async def test_lines_are_painted_as_textual_paints_them(*, ansi_color: bool) -> None:
    view = _Lines()
    app: CrashSafeApp[None] = CrashSafeApp(ansi_color=ansi_color)
    async with app.run_test(size=(30, 12)) as pilot:
        await app.mount(view)
        for position in (0, 1, 77, 188, 200):
            view.scroll_to(y=position, animate=False, force=True)
            await pilot.pause()
            for crop in (Region(0, 0, 29, 12), Region(0, 3, 29, 2), Region(4, 0, 9, 12)):
                assert _cells(view.render_lines(crop)) == _cells(Widget.render_lines(view, crop))
            bar = view.vertical_scrollbar
            for crop in (Region(0, 0, 1, 12), Region(0, 5, 1, 3)):
                assert _cells(bar.render_lines(crop)) == _cells(Widget.render_lines(bar, crop))


async def test_scroll_bar_is_painted_beyond_its_last_known_size() -> None:
    view = _Lines()
    app: CrashSafeApp[None] = CrashSafeApp()
    async with app.run_test(size=(30, 12)) as pilot:
        await app.mount(view)
        await pilot.pause()
        assert len(view.vertical_scrollbar.render_lines(Region(0, 0, 1, 20))) == 20


async def test_a_line_is_painted_again_only_after_a_refresh() -> None:
    view = _Lines()
    app: CrashSafeApp[None] = CrashSafeApp()
    async with app.run_test(size=(30, 12)) as pilot:
        await app.mount(view)
        await pilot.pause()
        everything = Region(0, 0, 29, 12)
        for refresh, expected in (
            (lambda: None, 0),
            (lambda: view.refresh_line(view.scroll_offset.y + 3), 1),
            (view.refresh, 12),
            (lambda: view.scroll_to(y=50, animate=False, force=True), 12),
        ):
            view.render_lines(everything)
            before = view.painted
            refresh()
            view.render_lines(everything)
            assert view.painted - before == expected


async def test_typing_lays_nothing_out(monkeypatch: pytest.MonkeyPatch) -> None:
    app: CrashSafeApp[None] = CrashSafeApp()
    words = LineInput()
    async with app.run_test(size=(30, 12)) as pilot:
        await app.mount(words)
        words.focus()
        await pilot.press("a", "b")
        laid_out: list[object] = []
        monkeypatch.setattr(Screen, "_refresh_layout", lambda *_, **__: laid_out.append(1))
        await pilot.press(*"cdefghijkl")
        assert words.value == "abcdefghijkl"
        assert not laid_out


async def test_text_longer_than_its_box_scrolls() -> None:
    app: CrashSafeApp[None] = CrashSafeApp()
    words = LineInput()
    async with app.run_test(size=(30, 12)) as pilot:
        await app.mount(words)
        words.focus()
        await pilot.press(*"abcdefghij" * 4)
        assert words.scroll_offset.x > 0


# --- keys that arrive together ---


class _TwoInputs(CrashSafeApp[None]):
    """Ctrl+N moves to the second input, before other keys are looked at."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+n", "second", priority=True)]

    def compose(self) -> ComposeResult:
        yield Input(select_on_focus=False)
        yield Input(select_on_focus=False)

    def action_second(self) -> None:
        self.screen.set_focus(self.query(Input).last())


@pytest.mark.parametrize(
    ("keys", "written"),
    [
        (("a", "b", "backspace", "c"), ["ac", ""]),
        (("a", "b", "ctrl+u", "c"), ["c", ""]),
        (("a", "home", "b"), ["ba", ""]),
        (("a", "ctrl+n", "b"), ["a", "b"]),
        (("a", "b", "backspace", "ctrl+n", "b"), ["a", "b"]),
        (("a", "b", "home", "delete", "ctrl+n", "c", "left", "d"), ["b", "dc"]),
    ],
)
async def test_simultaneous_keys_are_handled_in_order(keys: tuple[str, ...], written: list[str]) -> None:
    app = _TwoInputs()
    async with app.run_test() as pilot:
        for key in keys:
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await pilot.pause()
        assert [one.value for one in app.query(Input)] == written


class _Removed(Input):
    """Is removed by the first key."""

    async def on_key(self) -> None:
        await self.remove()


async def test_keys_go_on_after_their_widget_is_removed() -> None:
    app: CrashSafeApp[None] = CrashSafeApp()
    async with app.run_test() as pilot:
        await app.mount(_Removed(), Input(id="next"))
        app.query_one(_Removed).focus()
        await pilot.pause()
        app.post_message(events.Key("a", "a"))
        await pilot.pause(0.1)
        app.query_one("#next").focus()
        for key in "bcd":
            app.post_message(events.Key(key, key))
        async with asyncio.timeout(30):
            while app.query_one("#next", Input).value != "bcd":
                await pilot.pause(0.05)


# --- waiting for keys ---


def test_nothing_is_due_without_an_unfinished_key() -> None:
    terminal = TerminalInput()
    assert terminal.seconds_left is None
    _keys(terminal, b"a\x1b[A")
    assert terminal.seconds_left is None


def test_an_escape_is_due_once_no_more_of_a_key_can_come() -> None:
    terminal = TerminalInput()
    assert _keys(terminal, b"\x1b") == []
    assert terminal.seconds_left is not None
    time.sleep(terminal.seconds_left)
    assert [event.key for event in terminal.idle() if isinstance(event, events.Key)] == ["escape"]
    assert terminal.seconds_left is None


async def test_the_input_thread_stops_while_no_key_comes() -> None:
    controller, terminal = os.openpty()
    driver = TerminalDriver(CrashSafeApp())
    driver.fileno = terminal
    for _ in range(2):
        reader = threading.Thread(target=driver.run_input_thread, daemon=True)
        reader.start()
        assert reader.is_alive()
        driver.exit_event.set()
        reader.join(10)
        assert not reader.is_alive()
        driver.exit_event.clear()
    os.close(controller)
    os.close(terminal)


# --- stopping and continuing ---


class _Driver(TerminalDriver):
    """Counts how often it takes the terminal."""

    taken = 0

    def resume_application_mode(self) -> None:
        self.taken += 1


@pytest.mark.parametrize("is_running", [True, False])
async def test_continued_process_takes_the_terminal_only_while_running(*, is_running: bool) -> None:
    app: CrashSafeApp[None] = CrashSafeApp()
    app._running = is_running
    driver = _Driver(app)
    driver._sigcont_application()
    await asyncio.sleep(0)
    assert driver.taken == is_running


@pytest.fixture
def handlers() -> Iterator[None]:
    """Restore the signals that a driver handles."""
    before = {
        number: signal.getsignal(number) for number in (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)
    }
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
async def test_flow_control_stays_off_until_all_output_is_written() -> None:
    controller, terminal = os.openpty()
    driver = TerminalDriver(CrashSafeApp())
    driver.fileno = terminal
    driver._file = os.fdopen(terminal, "w", closefd=False)
    output, is_held = bytearray(), []

    def read_late() -> None:
        time.sleep(0.3)
        is_held.append(bool(termios.tcgetattr(terminal)[0] & termios.IXON))
        if not is_held[0]:
            os.write(controller, b"\x13")
        while b"\x1b[?1004l" not in output:
            output.extend(os.read(controller, 65536))

    found = termios.tcgetattr(terminal)
    driver.start_application_mode()
    for _ in range(20):
        driver.write("x" * 20_000)
    reader = threading.Thread(target=read_late)
    reader.start()
    driver.stop_application_mode()
    reader.join()
    assert is_held == [False]
    assert output.count(b"x") == 400_000
    assert termios.tcgetattr(terminal) == found
    os.close(controller)
    os.close(terminal)


# --- resizing ---


class _Seen(GuardedScreen[None]):
    """Counts its resize events; the screen behind it shows through."""

    CSS = "_Seen { background: black 50%; }"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (85, "-wide")]  # noqa: RUF012 - Textual's own declaration

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def compose(self) -> ComposeResult:
        yield Label("Seen")

    def on_resize(self, event: events.Resize) -> None:
        self.count += 1
        if self.count > 50:
            # Stops an endless exchange, so that the test fails instead of hanging.
            event.prevent_default()


async def test_two_queued_sizes_do_not_trigger_each_other_endlessly() -> None:
    app: CrashSafeApp[None] = CrashSafeApp()
    screen = _Seen()
    async with app.run_test(size=(80, 24)) as pilot:
        await app.push_screen(screen)
        await pilot.pause()
        app._size = Size(100, 30)
        with app.batch_update():
            for size in (Size(90, 27), Size(100, 30)):
                screen.post_message(events.Resize(size, size))
                # Textual merges consecutive resize events.
                screen.call_later(lambda: None)
            for _ in range(200):
                await asyncio.sleep(0)
        await pilot.pause()
        assert screen.count < 10
        assert screen.size == Size(100, 30)


async def test_an_outdated_resize_event_reaches_no_other_screen() -> None:
    app: CrashSafeApp[None] = CrashSafeApp()
    screens = [_Seen() for _ in range(4)]
    async with app.run_test(size=(80, 24)) as pilot:
        for screen in screens:
            await app.push_screen(screen)
        await pilot.pause()
        before = [screen.count for screen in screens]
        for screen in screens:
            screen.post_message(events.Resize(Size(90, 27), Size(90, 27)))
        await pilot.pause()
        assert [screen.count for screen in screens] == [count + 1 for count in before]
        assert {screen.has_class("-wide") for screen in screens} == {False}
        await pilot.resize_terminal(100, 30)
        await pilot.pause()
        assert [screen.size for screen in screens] == [Size(100, 30)] * 4
        assert {screen.has_class("-wide") for screen in screens} == {True}


# --- buttons ---


class _Counting(CrashSafeApp[None]):
    """Counts how often its button was pressed."""

    count = 0

    def compose(self) -> ComposeResult:
        yield ReadyButton("Go")

    def on_button_pressed(self) -> None:
        self.count += 1


async def test_button_handles_simultaneous_presses() -> None:
    app = _Counting()
    async with app.run_test() as pilot:
        await pilot.press("tab", "enter", "enter", "enter")
        await pilot.pause()
        assert app.count == 3


# --- screens that open and close ---


class _Slow(GuardedScreen[str]):
    """Opens on release, with a field that gets the keys, and a key that needs the whole screen."""

    BINDINGS: ClassVar = [Binding("f2", "find", priority=True)]

    def __init__(self) -> None:
        super().__init__()
        self.name_of_child = ""
        self.is_opening = asyncio.Event()
        self.may_open = asyncio.Event()

    def compose(self) -> ComposeResult:
        yield Input()

    async def on_mount(self) -> None:
        self.is_opening.set()
        await self.may_open.wait()
        await self.mount(Label("there"))

    def action_find(self) -> None:
        self.name_of_child = type(self.query_one(Label)).__name__


async def test_keys_wait_until_a_screen_is_complete() -> None:
    app: CrashSafeApp[None] = CrashSafeApp()
    slow = _Slow()
    async with asyncio.timeout(30), app.run_test():
        app.push_screen(slow)
        await slow.is_opening.wait()
        key = asyncio.create_task(app.on_event(events.Key("f2", None)))
        await asyncio.sleep(0)
        assert not key.done()
        slow.may_open.set()
        await key
        assert slow.name_of_child == "Label"


async def test_screen_closes_once_and_only_while_on_top() -> None:
    app: CrashSafeApp[None] = CrashSafeApp()
    answers: list[str | None] = []
    async with app.run_test() as pilot:
        lower, upper = _Slow(), _Slow()
        lower.may_open.set()
        upper.may_open.set()
        await app.push_screen(lower, answers.append)
        await app.push_screen(upper)
        await lower.dismiss("hidden")
        assert app.screen is upper
        upper.dismiss("one")
        upper.dismiss("two")
        await pilot.pause()
        assert app.screen is lower
        lower.dismiss("left")
        lower.dismiss("again")
        await pilot.pause()
        assert (answers, len(app.screen_stack)) == (["left"], 1)
        assert not await app.run_action("find", lower)
        assert not app.has_crashed


async def test_screen_reading_a_closed_store_does_not_end_the_program() -> None:
    app = CrashSafeApp[None]()
    async with app.run_test():
        app._handle_exception(StoreClosedError())
        assert app.is_running
        assert not app.has_crashed
