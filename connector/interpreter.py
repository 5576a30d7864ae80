"""Two knobs of the Python interpreter for a process that decodes large pages while other threads wait."""

from __future__ import annotations

import gc
import sys


def tune() -> None:
    """Fewer passes of the cycle collector, quicker turns between threads; call once, when all is imported.

    A page is a thousand tickets: at the default of 700 new objects the collector walks them over and over,
    and finds nothing, since frozen values make no cycles.  Five milliseconds, the default turn, is as long as
    decoding a page takes: the thread that fetches the next one would wait for the interpreter instead of the
    network.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    sys.setswitchinterval(0.001)
