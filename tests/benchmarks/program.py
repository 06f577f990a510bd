"""The program as people have it: a compiled wheel in an environment of its own, and its yardsticks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.terminal import Terminal

ROOT = Path(__file__).resolve().parents[2]
_HERE = Path(__file__).parent
_FPS = re.compile(r'"TEXTUAL_FPS", "(\d+)"')


@dataclass(frozen=True, slots=True)
class Program:
    """An environment with the program installed from a wheel, and all else from where this runs."""

    python: str
    #: Frames a second, as the program sets them: yardsticks have to have the same.
    fps: str

    @property
    def command(self) -> list[str]:
        """The console script, as a person starts it."""
        return [str(Path(self.python).with_name("reshelve"))]

    @property
    def instrumented(self) -> list[str]:
        """The same program, which also counts its objects and reads without Xero's rate limit."""
        return [self.python, str(_HERE / "instrumented.py")]

    @property
    def yardsticks(self) -> Path:
        """The file with the yardsticks, each a program."""
        return _HERE / "yardsticks.py"

    def yardstick(self, kind: str) -> Terminal:
        """Run one of the smallest Textual apps: `label`, `input` or `table`."""
        command = [self.python, str(self.yardsticks), kind]
        return Terminal(command, {"TEXTUAL_FPS": self.fps})

    def fzf(self, names: Path) -> Terminal | None:
        """Run fzf on a file of names; None where it isn't installed."""
        if shutil.which("fzf") is None:
            return None
        return Terminal(["sh", "-c", 'exec fzf --exact < "$0"', str(names)], {})


def install(folder: Path) -> Program:
    """Build the wheel of this checkout and install it, compiled. Raises `CalledProcessError` if pip can't.

    Needs no network where hatchling is installed, as the extra `test` does; else pip fetches it.
    """
    wheels, environment = folder / "wheel", folder / "environment"
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-build-isolation"] if find_spec("hatchling") else []
    _run(*pip, "wheel", "--no-deps", *offline, "--wheel-dir", str(wheels), str(ROOT))
    _run(sys.executable, "-m", "venv", "--without-pip", str(environment))
    python = str(environment / "bin" / "python")
    [wheel] = wheels.glob("*.whl")
    _run(*pip, "--python", python, "install", "--no-deps", "--no-index", "--compile", str(wheel))
    [packages] = environment.glob("lib/python*/site-packages")
    # A folder named in a .pth file is searched, but its own .pth files, as of an editable install, aren't.
    (packages / "all_else.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    found = _run(python, "-c", "import tui; print(tui.__file__)").strip()
    if not found.startswith(str(packages)):
        raise RuntimeError(f"Not the installed program: {found}")
    rates = {
        rate for file in (packages / "tui").rglob("*.py") for rate in _FPS.findall(file.read_text("utf-8"))
    }
    if len(rates) != 1:
        raise RuntimeError(f"Which frame rate does the program set? Found: {sorted(rates)}")
    return Program(python, rates.pop())


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=_HERE).stdout
