"""The private parts of Textual that Reshelve overrides, together with `tui.compat.terminal_driver`.

Written for Textual 8.2. `tests/test_compat.py` fails when one of these parts has changed, and names it.
Importing this module replaces some of Textual's methods for the whole process: its caches would keep closed
screens in memory.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from contextlib import suppress
from functools import lru_cache
from inspect import getfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from rich.segment import Segment
from rich.style import Style
from textual import events, on
from textual._compositor import Compositor
from textual._context import active_message_pump
from textual._path import _css_path_type_as_list
from textual._styles_cache import StylesCache
from textual.app import App, ReturnType
from textual.await_complete import AwaitComplete
from textual.cache import LRUCache
from textual.command import CommandPalette
from textual.css.model import RuleSet
from textual.css.query import NoMatches
from textual.geometry import Region, Size
from textual.screen import Screen, ScreenResultCallbackType, ScreenResultType
from textual.scroll_view import ScrollView
from textual.scrollbar import ScrollBar, ScrollBarRender
from textual.strip import Strip
from textual.style import Style as VisualStyle
from textual.theme import ThemeProvider
from textual.widget import Widget
from textual.widgets import Button, Input, OptionList
from textual.worker import NoActiveWorker, get_current_worker

from tui.model.errors import StoreClosedError
from tui.system.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import PurePath

    from textual.actions import ActionParseResult
    from textual.color import Color
    from textual.content import Content
    from textual.dom import DOMNode
    from textual.driver import Driver
    from textual.message_pump import MessagePump


TEXTUAL_VERSION: Final = "8.2"
_MOST_SECONDS_A_KEY: Final = 0.5
_MOST_STYLE_SHEETS: Final = 512
_Answer = TypeVar("_Answer")


class _LineCompositor(Compositor):
    """Renders only the changed lines of widgets, and only of those that they cross.

    Textual renders all lines of every widget whose parent they cross: for one line of a pane, the whole list
    beside it too.
    """

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        lines = Region(0, crop.y, self.size.width, crop.height) if crop else self.size.region
        for widget, (region, clip) in self.visible_widgets.items():
            shown_clip = clip.intersection(lines)
            shown = region.intersection(shown_clip)
            if shown and (not crop or crop.overlaps(shown)):
                yield region, shown_clip, widget.render_lines(shown.translate(-region.offset))


class GuardedScreen(Screen[ScreenResultType], Generic[ScreenResultType]):
    """A screen that is closed once, and only while it is on top. It ignores outdated resize events.

    Keys that arrive together are all delivered to the screen that was on top when they were read.
    """

    def __init__(self, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        super().__init__(name, id, classes)
        self._compositor = _LineCompositor()

    def _extend_compose(self, widgets: list[Widget]) -> None:
        # Textual sets these classes after the first paint, which would then be repeated.
        self.add_class(*self._breakpoint_classes(self.app.size))
        super()._extend_compose(widgets)

    async def _on_resize(self, event: events.Resize) -> None:
        # A screen passes its resize event on to the screens behind it. Two different sizes in the queues
        # would then trigger each other endlessly, so only the terminal's current size counts. A screen also
        # gets one after its first layout, which Textual would repeat, as well as that of the screens behind.
        if event.size != self.app.size or self._is_laid_out_for(event.size):
            event.prevent_default()

    def _is_laid_out_for(self, size: Size) -> bool:
        """Whether a layout for this size would change nothing here or in the screens behind this one."""
        screens = (self, *self.app._background_screens)  # noqa: SLF001 - see above
        return self._breakpoint_classes(size) <= self.classes and all(
            screen.outer_size == size for screen in screens
        )

    def _breakpoint_classes(self, size: Size) -> set[str]:
        found: set[str] = set()
        for cells, breakpoints in zip(
            size, (self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS), strict=True
        ):
            found |= self._get_breakpoint_classes(cells, breakpoints or [])
        return found

    def dismiss(self, result: ScreenResultType | None = None) -> AwaitComplete:
        """Close this screen with a result, if it is the one on top and there is another below it."""
        if self._is_on_top and len(self.app.screen_stack) > 1:
            return super().dismiss(result)
        return AwaitComplete()

    def open_screen(
        self, screen: Screen[_Answer], callback: ScreenResultCallbackType[_Answer] | None = None
    ) -> None:
        """Open another screen on top of this one, if nothing is on top of it yet."""
        if self._is_on_top:
            self.app.push_screen(screen, callback)

    @property
    def _is_on_top(self) -> bool:
        return self.app.screen_stack[-1:] == [self]


class SafeOptionList(OptionList):
    """Textual's option list, whose page keys raise before it is painted."""

    @property
    def visible_options(self) -> tuple[int, int]:
        """The first and the last visible option."""
        top = int(self.scroll_offset.y)
        shown = [option for option, _ in self._lines[top : top + max(1, self.size.height)]]
        return (shown[0], shown[-1]) if shown else (0, 0)

    def _move_page(self, direction: Any) -> None:
        with suppress(KeyError):
            super()._move_page(direction)


class LineInput(Input):
    """An input in which typing lays nothing out."""

    def _watch_value(self, value: str) -> None:
        # Textual's input lays out the whole screen for each letter.
        set_virtual_size(self, Size(self.content_width, 1))
        super()._watch_value(value)


class PaintedView(ScrollView):
    """A scroll view whose `render_line` paints whole lines, each of which is kept until it is refreshed.

    Textual puts each line together from border, padding, content and effects, and asks for all lines of the
    view when something beside it changes: twice the work for a view without any of these.
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name
        self._lines: dict[int, Strip] = {}
        super().__init__(id=id, classes=classes)

    def _set_dirty(self, *regions: Region) -> None:
        super()._set_dirty(*regions)
        if not regions:
            self._lines = {}
        for region in regions:
            for y in region.line_range:
                self._lines.pop(y, None)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Paint lines."""
        lines, filters = self._lines, self.get_line_filters()
        background = self.background_colors[1]
        first, last = crop.column_span
        strips = []
        for y in crop.line_range:
            strip = lines.get(y)
            if strip is None:
                strip = self.render_line(y)
                for line_filter in filters:
                    strip = strip.apply_filter(line_filter, background)
                lines[y] = strip
            strips.append(strip if not first and strip.cell_length <= last else strip.crop(first, last))
        return strips

    def paint_line(self, line: Content, width: int, style: VisualStyle) -> Strip:
        """Paint a line that isn't wrapped, aligned or selected, in a third of the time that Textual takes."""
        parts = line.render(style, end="", parse_style=self._get_style)
        segments = [Segment(text, (style + part).rich_style) for text, part in parts]
        return Strip(segments, line.cell_length).adjust_cell_length(width, style.rich_style)


class ReadyButton(Button):
    """A button that accepts presses in quick succession; Textual's ignores them for 0.2 seconds."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.active_effect_duration = 0


class _SafeScrollBarRender(ScrollBarRender):
    """Textual's scroll bar, which divides by zero if all content fits the window."""

    @classmethod
    def render_bar(cls, **sizes: Any) -> Any:  # type: ignore[override] # matches its callers
        """Draw the bar."""
        if sizes["window_size"] >= sizes["virtual_size"]:
            sizes["window_size"] = 0
        return super().render_bar(**sizes)


def _paint_scroll_bar(bar: ScrollBar, crop: Region) -> list[Strip]:
    """Paint a scroll bar; Textual's way takes as long as a whole page of contacts beside it."""
    rendered: Any = bar.render()
    style = rendered.style if bar.vertical and isinstance(rendered, ScrollBarRender) else None
    if not isinstance(style, Style) or style.bgcolor is None or style.color is None:
        return Widget.render_lines(bar, crop)
    segments = bar.renderer.render_bar(
        # A bar can be painted before it has been told its new size.
        size=max(bar.size.height, crop.bottom),
        virtual_size=rendered.virtual_size,
        window_size=rendered.window_size,
        position=rendered.position,
        thickness=bar.size.width,
        back_color=style.bgcolor,
        bar_color=style.color,
    ).segments
    # Most lines share one segment.
    strips: dict[Segment, Strip] = {}
    background = bar.background_colors[1]
    for segment in segments:
        if segment not in strips:
            style = bar.rich_style + segment.style
            strip = Strip([Segment(segment.text, style)], bar.size.width)
            for line_filter in bar.get_line_filters():
                strip = strip.apply_filter(line_filter, background)
            strips[segment] = strip.crop(*crop.column_span)
    return [strips[segments[y]] for y in crop.line_range]


# Textual's own hash is the id, too, but in Python: styling a widget hashes every rule, a third of its time.
RuleSet.__hash__ = object.__hash__  # type: ignore[method-assign]
ScrollBar.renderer = _SafeScrollBarRender
ScrollBar.render_lines = _paint_scroll_bar  # type: ignore[method-assign,assignment]


# Textual takes a widget's styles from its first base class only.
class SafeCommandPalette(CommandPalette, GuardedScreen[Any]):
    """Textual's command palette, for when its list isn't mounted yet or any longer."""

    @on(Input.Submitted)
    def _run_command_once(self, event: Input.Submitted) -> None:
        if not self._is_on_top:
            event.prevent_default()

    def _action_command_list(self, action: str) -> None:
        with suppress(KeyError, NoMatches):
            super()._action_command_list(action)

    def _action_cursor_down(self) -> None:
        with suppress(NoMatches):
            super()._action_cursor_down()


class CrashSafeApp(App[ReturnType], Generic[ReturnType]):
    """An app whose unexpected errors go to the log, never to the terminal.

    Textual prints tracebacks with local variables, which include contact names, and exits with 0 after errors
    in its input thread. After `run`, `has_crashed` returns whether an error ended the app.
    """

    # An option list without any width raises. What has the focus differs by colour only, and Textual's labels
    # can't be reversed.
    CSS = """
    OptionList {
        min-width: 8;
        &:nocolor > .option-list--option-highlighted { text-style: bold underline !important; }
    }
    Button:nocolor:focus { text-style: bold underline !important; }
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Unused here, and their widgets cost another layout at the start of each screen.
        self._disable_notifications = self._disable_tooltips = True
        self._handled_key: events.Key | events.Paste | None = None
        self._waiting_keys: deque[events.Key | events.Paste] = deque()
        self._key_timeout: asyncio.TimerHandle | None = None
        # There are more style sheets than are kept, and all would be parsed again for each new one.
        self.stylesheet._parse_cache.grow(_MOST_STYLE_SHEETS)  # noqa: SLF001 - see above
        self._preloaded: set[type[Widget]] = set()

    def get_driver_class(self) -> type[Driver]:
        """Return the hardened driver, of a terminal or of a page in a browser."""
        found = super().get_driver_class()
        if sys.platform != "win32":
            # By its name: few programs run in a browser, and importing it takes time.
            if found.__name__ == "WebDriver":
                from tui.compat.browser_driver import BrowserDriver

                return BrowserDriver

            from textual.drivers.linux_driver import LinuxDriver

            from tui.compat.terminal_driver import TerminalDriver

            return TerminalDriver if found is LinuxDriver else found
        else:  # noqa: RET505 - mypy checks one branch per platform
            return found

    # --- the terminal ---

    def set_terminal_title(self, title: str) -> None:
        """Set the terminal's title until the app ends; the text must be safe. Only on POSIX terminals."""
        set_title: Callable[[str], None] | None = getattr(self._driver, "set_title", None)
        if set_title is not None:
            set_title(title)

    def write_to_terminal(self, sequence: str) -> None:
        """Write a control sequence that moves nothing, such as a notification."""
        if self._driver is not None:
            self._driver.write(sequence)

    # --- style sheets ---

    def _load_screen_css(self, screen: Screen[Any]) -> None:
        # Textual would parse all style sheets again, and restyle every other screen.
        if self._add_style_sheets(screen.css_path):
            self.stylesheet.update(screen)
        super()._load_screen_css(screen)

    def preload_styles(self, screen: type[Screen[Any]]) -> None:
        """Parse the style sheets of a screen and of the widgets in its module, so that it opens faster.

        Each widget's is parsed on its own, as a key press may be waiting.
        """
        folder, names = Path(getfile(screen)).parent, screen.CSS_PATH
        paths = [] if names is None else _css_path_type_as_list(names)
        self._add_style_sheets([(folder / path).resolve() for path in paths])
        for member in vars(sys.modules[screen.__module__]).values():
            if isinstance(member, type) and issubclass(member, Widget) and member not in self._preloaded:
                self._preloaded.add(member)
                self.call_later(self._preload_default_styles, member)

    def _preload_default_styles(self, widget: type[Widget]) -> None:
        sources, has_changed = self.stylesheet.source, False
        # What is asked of an instance depends on its class alone.
        for location, css, tie_breaker, scope in widget.__new__(widget)._get_default_css():  # noqa: SLF001 - see above
            before = sources.get(location)
            self.stylesheet.add_source(css, location, True, tie_breaker, scope)  # noqa: FBT003 - Textual's signature
            # A subclass may have changed the precedence, after which Textual parses it again.
            has_changed |= sources[location] != before
        if has_changed:
            self.stylesheet.parse()

    def _add_style_sheets(self, paths: Iterable[PurePath]) -> bool:
        """Read and parse the style sheets that aren't loaded; return whether there are any."""
        missing = [path for path in paths if not self.stylesheet.has_source(str(path))]
        self.stylesheet.read_all(missing)
        if missing:
            self.stylesheet.parse()
        return bool(missing)

    # --- keys ---

    async def on_event(self, event: events.Event) -> None:
        """Forward an event; keys and mouse events wait until an opening screen is fully mounted.

        Keys are handled one at a time. Textual would pass all keys that arrive together to the widget that
        has the focus, and run what they are bound to afterwards, when one of them may have moved the focus.
        """
        if isinstance(event, events.InputEvent) and self.screen_stack:
            await self.screen._mounted_event.wait()  # noqa: SLF001 - see above
        if not isinstance(event, events.Key | events.Paste) or event.is_forwarded:
            await super().on_event(event)
        elif self._handled_key is not None:
            self._waiting_keys.append(event)
        else:
            await self._handle_key(event)

    async def _handle_key(self, event: events.Key | events.Paste) -> None:
        self._handled_key = event
        # A widget that is busy for long, or is removed, must not block the keyboard.
        self._key_timeout = asyncio.get_running_loop().call_later(
            _MOST_SECONDS_A_KEY, self.call_later, self._key_handled, event
        )
        target = self.focused or self.screen
        await super().on_event(event)
        self._follow_key(event, target)

    def _follow_key(self, event: events.Key | events.Paste, node: MessagePump | None) -> None:
        """Follow a key on its way from a widget up to the app, through the message queue of each."""
        is_queued = (
            node is not None
            and node is not self
            and node.call_later(
                self._follow_key,
                event,
                node._parent,  # noqa: SLF001 - see above
            )
        )
        if not is_queued:
            self.call_later(self._key_handled, event)

    async def _key_handled(self, event: events.Key | events.Paste) -> None:
        if event is not self._handled_key:
            return
        self._handled_key = None
        if self._key_timeout is not None:
            self._key_timeout.cancel()
        if self._waiting_keys:
            await self._handle_key(self._waiting_keys.popleft())

    async def _check_bindings(self, key: str, priority: bool = False) -> bool:  # noqa: FBT001, FBT002 - Textual's own signature
        is_used = await super()._check_bindings(key, priority)
        if not (is_used or priority):
            self.key_unused(key)
        return is_used

    def key_unused(self, key: str) -> None:
        """React to a key that neither the focused widget nor any binding has used."""

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Run an action, unless it belongs to a screen that was closed in the meantime."""
        if self._is_closing(default_namespace or self):
            return False
        return await super().run_action(action, default_namespace, namespaces)

    # --- errors ---

    @property
    def is_leaving(self) -> bool:
        """Whether the app is ending or has ended."""
        return self._exit or self._exception is not None

    @property
    def has_crashed(self) -> bool:
        """Whether an unexpected error ended the app."""
        return self._exception is not None

    def _handle_exception(self, error: Exception) -> None:
        if self._is_closing(_current_node()) or isinstance(error, StoreClosedError):
            # The screen is closing, and its widgets or its organisation's store are gone: not a bug.
            logger.info("error in a screen that was closing", exc_info=error)
            return
        logger.error("unexpected error", exc_info=error)
        self._return_code = 1
        if self._exception is None:
            self._exception = error
            self._exception_event.set()
        self._close_messages_no_wait()

    def panic(self, *renderables: object) -> None:
        """End the app after an error in Textual; its output isn't shown."""
        del renderables
        self._handle_exception(RuntimeError("Textual gave up"))

    def _is_closing(self, node: MessagePump | None) -> bool:
        """Whether the node is being removed, or the app is ending."""
        if self._exit:
            return True
        while node is not None and node is not self:
            if node._closing or node._closed or getattr(node, "_pruning", False):  # noqa: SLF001 - see above
                return True
            if isinstance(node, Screen) and node not in self.screen_stack:
                return not self.is_screen_installed(node)
            node = node._parent  # noqa: SLF001 - see above
        return node is None

    # --- the command palette ---

    def action_command_palette(self) -> None:
        """Open the command palette."""
        self._open_palette(SafeCommandPalette())

    def search_themes(self) -> None:
        """Open the palette of themes."""
        self._open_palette(SafeCommandPalette(providers=[ThemeProvider], placeholder="Search for themes…"))

    def _open_palette(self, palette: SafeCommandPalette) -> None:
        # Without Textual's fixed ID: the previous palette may not be removed yet.
        if not isinstance(self.screen, CommandPalette):
            self.push_screen(palette)


def _current_node() -> MessagePump | None:
    """Return the node whose worker, handler or timer is running."""
    try:
        return get_current_worker().node
    except NoActiveWorker:
        return active_message_pump.get(None)


def as_default_screen(screen: Screen[None], app: App[Any]) -> Screen[None]:
    """Prepare a screen for `get_default_screen`, so that it can be switched for another later."""
    screen._push_result_callback(app, None)  # noqa: SLF001 - see above
    return screen


def current_keymap(app: App[Any]) -> Mapping[str, str]:
    """Return the keys set with `set_keymap`, by binding ID."""
    return app._keymap  # noqa: SLF001 - see above


def set_virtual_size(view: ScrollView, size: Size) -> None:
    """Set a scroll view's size without the layout that assigning `virtual_size` causes.

    That layout takes 14 ms per key press in the search box.
    """
    if size != view.virtual_size:
        view.set_reactive(ScrollView.virtual_size, size)
        if view.is_attached:
            view._scroll_update(size)  # noqa: SLF001 - see above


_MAX_CACHED: Final = 1_024
_divide = Strip.divide


@lru_cache(_MAX_CACHED)
def _inner_and_outer(base_background: Color, background: Color) -> tuple[VisualStyle, VisualStyle]:
    return VisualStyle(background=base_background + background), VisualStyle(background=base_background)


def _divide_without_cycle(strip: Strip, cuts: Iterable[int]) -> Sequence[Strip]:
    """Cut a line of the screen into parts."""
    within = [cut for cut in cuts if cut <= strip.cell_length]
    return [strip] if within == [strip.cell_length] else _divide(strip, within)


def _unlink(cache: LRUCache[Any, Any]) -> None:
    """Empty a cache and undo the links between its entries."""
    for link in cache._cache.values():  # noqa: SLF001 - see above
        link.clear()
    cache._cache.clear()  # noqa: SLF001 - see above
    cache._full = False  # noqa: SLF001 - see above
    cache._head = []  # noqa: SLF001 - see above


# Textual caches the method, and with the results the painted lines of the last 1,024 widgets: some 50 MB. The
# result only depends on the colours.
StylesCache.get_inner_outer = staticmethod(_inner_and_outer)  # type: ignore[assignment] # called the same way
# A line that isn't cut would be cached in itself.
Strip.divide = _divide_without_cycle  # type: ignore[assignment,method-assign] # mypy binds it twice
# The entries of a cache form a ring, which would outlive it.
LRUCache.clear = _unlink  # type: ignore[assignment,method-assign] # as above
LRUCache.__del__ = _unlink  # type: ignore[attr-defined]
