"""What rrctl convert is tested with is what the other programs themselves take: each reads the inputs of tests/convert."""
import os

import pytest

from lab import daemons
from lab.peers import need

INPUTS = os.path.join(daemons.TOP, "tests", "convert")


def ours(*beginnings):
    names = sorted(os.listdir(INPUTS))
    return [n for n in names if n.startswith(beginnings) and not n.endswith((".out", ".notes"))]


def check(lab, program, *arguments):
    code, said = lab.result([need(program), *arguments])
    assert code == 0, said
    return said


@pytest.mark.parametrize("name", ours("gobgp", "paper-router", "paper-reflector"))
def test_gobgp_takes_it(lab, name):
    kind = name.rsplit(".", 1)[1]
    check(lab, "gobgpd", "-d", "-t", kind, "-f", os.path.join(INPUTS, name))


@pytest.mark.parametrize("name", ours("bird"))
def test_bird_takes_it(lab, name):
    check(lab, "bird", "-p", "-c", os.path.join(INPUTS, name))


@pytest.mark.parametrize("name", ours("frr"))
def test_frr_takes_it(lab, name):
    assert "Unknown" not in check(lab, "vtysh", "-C", "-f", os.path.join(INPUTS, name))


@pytest.mark.parametrize("name", ours("exabgp", "paper-announcer"))
def test_exabgp_takes_it(lab, name):
    if name == "exabgp-3.conf":
        pytest.skip("Debian's ExaBGP 4 does not read the groups of ExaBGP 3")
    check(lab, "env", "exabgp_api_cli=false", need("exabgp"), "--test", os.path.join(INPUTS, name))
