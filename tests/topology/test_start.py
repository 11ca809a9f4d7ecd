"""Signals that come while a daemon is still starting: nothing is lost, and none of them kills it."""
import signal

import pytest

from lab import daemons

# Starts the rest of its words with a signal that already waits; one that was ignored (nohup) is not.
WITH_SIGNAL = """
import os, signal, sys
number = int(sys.argv[1])
signal.signal(number, signal.SIG_DFL)
signal.pthread_sigmask(signal.SIG_BLOCK, [number])
os.kill(os.getpid(), number)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def started_with(number, fig, program):
    prefix = ["/usr/bin/python3", "-c", WITH_SIGNAL, str(int(number))]
    if program == "rrd":
        return daemons.Daemon(fig.reflector, "rrd", daemons.reflector_config(), prefix=prefix)
    return daemons.Daemon(fig.add_pod(1).ns, "lb-announcer", daemons.announcer_config(fig.pods[0]), prefix=prefix)


@pytest.mark.parametrize("program", ["rrd", "lb-announcer"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_end_while_it_starts_it_ends_in_order(fig, program, number):
    assert started_with(number, fig, program).process.wait() == 0


@pytest.mark.parametrize("program", ["rrd", "lb-announcer"])
def test_told_to_reload_while_it_starts_it_goes_on(fig, program):
    daemon = started_with(signal.SIGHUP, fig, program).wait_until_ready()
    daemon.wait_for_log("reload|unchanged")
