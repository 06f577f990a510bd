"""Reshelve's themes: dark, light and high contrast."""

from __future__ import annotations

from typing import Final

from textual.theme import BUILTIN_THEMES, Theme

DEFAULT: Final = "reshelve-dark"

_DARK: Final = Theme(
    name=DEFAULT,
    primary="#7aa2f7",
    secondary="#4f6fb0",
    accent="#7dcfff",
    success="#9ece6a",
    warning="#e0af68",
    error="#f7768e",
    foreground="#c8d0ea",
    background="#16181f",
    surface="#1e212b",
    panel="#262a37",
    dark=True,
    variables={
        "block-cursor-background": "#2f4a86",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#28304a",
        "footer-key-foreground": "#7dcfff",
        "input-selection-background": "#2f4a86",
        "text-muted": "#a0a8c2",
        "border": "#7aa2f7",
    },
)

_LIGHT: Final = Theme(
    name="reshelve-light",
    primary="#2456b3",
    secondary="#5577b8",
    accent="#0e6f97",
    success="#2f6f1f",
    warning="#8f5600",
    error="#b3243f",
    foreground="#23283a",
    background="#fbfbfd",
    surface="#f0f1f6",
    panel="#e3e6ef",
    dark=False,
    variables={
        "block-cursor-background": "#cfdcf7",
        "block-cursor-foreground": "#10182c",
        "block-cursor-text-style": "none",
        "block-cursor-blurred-background": "#e5eaf6",
        "footer-key-foreground": "#0e5f85",
        "input-selection-background": "#cfdcf7",
        "text-muted": "#4e556a",
        "text-primary": "#2456b3",
        "text-accent": "#0e5f85",
        "text-success": "#2b651d",
        "text-warning": "#7d4b00",
        "text-error": "#a01c36",
        "border": "#2456b3",
    },
)

_CONTRAST: Final = Theme(
    name="reshelve-contrast",
    primary="#5cc8ff",
    secondary="#5cc8ff",
    accent="#00ffff",
    success="#5cff5c",
    warning="#ffff00",
    error="#ff8080",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#1c1c1c",
    dark=True,
    variables={
        "block-cursor-background": "#ffff00",
        "block-cursor-foreground": "#000000",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-background": "#2a2a00",
        "block-cursor-blurred-foreground": "#ffffff",
        "footer-key-foreground": "#ffff00",
        "text-muted": "#d0d0d0",
        "text-primary": "#8cd8ff",
        "text-accent": "#00ffff",
        "text-success": "#5cff5c",
        "text-warning": "#ffff00",
        "text-error": "#ff9090",
        "border": "#ffffff",
        "border-blurred": "#d0d0d0",
        "scrollbar": "#d0d0d0",
    },
)

THEMES: Final = (_DARK, _LIGHT, _CONTRAST)
#: The names of all available themes: Reshelve's own first, then Textual's.
THEME_NAMES: Final = (*(theme.name for theme in THEMES), *sorted(BUILTIN_THEMES))
