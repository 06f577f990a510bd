"""Several threads that need a new decoder at once: a crash there would end the interpreter."""

from __future__ import annotations

import subprocess
import sys

# In its own process, as the crash it looks for would end this one.
_PROGRAM = """
import sys, threading
import msgspec
from tui.net.lenient_json import decode
sys.setswitchinterval(1e-6)
source = '''
class Inner(msgspec.Struct):
    a: int = 0
    b: str | None = None
    c: list[int] = []
class Outer(msgspec.Struct):
    a: Inner | None = None
    b: list[Inner] = []
'''
inner, outer = b'{"a": 1, "b": "x", "c": [1]}', b'{"a": {"a": 1, "b": "x"}, "b": [{"a": 2, "c": [3]}]}'
def work(barrier, kind, content):
    barrier.wait()
    for _ in range(20):
        decode(content, kind)
for _ in range(60):
    made = {"msgspec": msgspec}
    exec(source, made)
    barrier = threading.Barrier(4)
    cases = [
        (made["Inner"], inner), (made["Outer"], outer),
        (list[made["Inner"]], b"[" + inner + b"]"), (list[made["Outer"]], b"[" + outer + b"]"),
    ]
    threads = [threading.Thread(target=work, args=(barrier, *case)) for case in cases]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
"""


def test_threads_can_decode_a_new_type_at_the_same_time() -> None:
    subprocess.run([sys.executable, "-c", _PROGRAM], check=True)
