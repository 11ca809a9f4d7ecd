"""How far a benchmark is, on standard error."""
import sys
import time


class Progress:
    """On a terminal one line that changes, elsewhere a line each few seconds."""

    def __init__(self):
        self.terminal, self.last = sys.stderr.isatty(), 0.0

    def tell(self, text, now=False):
        if now or time.monotonic() - self.last > (0.2 if self.terminal else 10):
            self.last = time.monotonic()
            end = "\n" if now or not self.terminal else ""
            print(("\r\033[K" if self.terminal else "") + text, end=end, file=sys.stderr, flush=True)
