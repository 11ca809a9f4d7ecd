"""Cases that say nothing where a tool runs the daemons and slows them down (RRD_TEST_WRAPPER, RRD_TEST_PATIENCE)."""
import pytest

from .wait import PATIENCE


def not_under_a_tool(reason):
    return pytest.mark.skipif(PATIENCE > 1, reason=reason)


starts_commands = not_under_a_tool("a daemon starts commands, and valgrind 3.19 does not know pidfd_open(2)")
