"""Waiting for a fact, never for a time. RRD_TEST_PATIENCE=N: N times as long, where what is waited for is slowed down by a tool."""
import os
import time

# The longest wait for something that should happen at once. Generous: a loaded machine is slow, and a fact that
# comes early costs nothing.
SOON = 10.0
POLL_S = 0.01
PATIENCE = float(os.environ.get("RRD_TEST_PATIENCE") or 1)


class NotYet(AssertionError):
    """A fact did not come true in time."""


def wait_until(fact, timeout=SOON, what=None, poll_s=POLL_S):
    """Calls fact() until it returns something true and returns that. An AssertionError, a LookupError or an OSError
    that fact raises means "not yet"; the last one, or the last value, is told when time is over. poll_s: between two looks, longer
    where looking would disturb what is looked at."""
    what = what or getattr(fact, "__doc__", None) or getattr(fact, "__name__", "a fact")
    timeout *= PATIENCE
    start = time.monotonic()
    last = "fact was never looked at"
    while True:
        try:
            value = fact()
            if value:
                return value
            last = f"last value: {value!r}"
        except (AssertionError, LookupError, OSError) as e:
            last = f"last error: {type(e).__name__}: {e}"
        waited = time.monotonic() - start
        if waited >= timeout:
            raise NotYet(f"waited {waited:.1f} s for: {what}\n{last}")
        time.sleep(poll_s)


def holds(fact, seconds, what=None):
    """The opposite: fact must stay true for that long. For what must not happen; keep it short."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = fact()
        if not value:
            raise AssertionError(f"did not stay true: {what or getattr(fact, '__name__', 'a fact')}: {value!r}")
        time.sleep(POLL_S)


def stopwatch():
    """Returns a function that tells the milliseconds since this call."""
    start = time.monotonic()
    return lambda: (time.monotonic() - start) * 1000
