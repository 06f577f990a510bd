"""Run `python tests/random_keys --minutes 60 --seed 1` to press random keys in `reshelve demo`.

Exits with 1 when the program crashed, hung or logged an error. Each session prints its seed and number;
`--session N` repeats one of them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from random_keys.sessions import run_session


def main() -> int:
    """Run sessions until the time is up, report each, and print a summary."""
    parser = argparse.ArgumentParser(prog="random_keys", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--session", type=int, help="Run this session alone.")
    parser.add_argument("--keys", type=int, default=2000, help="Keys in a session, at most.")
    options = parser.parse_args()
    start = time.monotonic()
    end = start + 60 * options.minutes
    keys = sessions = crashes = 0
    sizes: set[tuple[int, int]] = set()
    while time.monotonic() < end:
        number = sessions if options.session is None else options.session
        with tempfile.TemporaryDirectory(prefix="random-keys-") as folder:
            session = run_session(Path(folder), options.seed, number, options.keys, until=end)
        _report(f"seed {options.seed} session {number}: {session}")
        keys += session.keys
        sessions += 1
        sizes |= session.sizes
        crashes += bool(session.problem)
        if options.session is not None:
            break
    minutes = (time.monotonic() - start) / 60
    _report(
        f"{keys:,} keys in {sessions} sessions and {minutes:.0f} minutes at {len(sizes)} sizes, "
        f"seed {options.seed}: {crashes} failed."
    )
    return 1 if crashes else 0


def _report(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
