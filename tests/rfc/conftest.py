"""Fixtures of the RFC suite: one daemon for a file of cases, and speakers that live as long as a case.

--target says which daemon is judged. A case sees only what is on the wire, so it can be run against any. What a daemon does not offer
(a capability, a group of the hub it cannot be configured for) is skipped with the reason: a marker `offers(code, group)` names a
capability that has to stand in the daemon's OPEN, and rrd is never excused by it. A daemon that has died fails the case and is started again for the next.
"""
import re

import pytest

from lab import Lab, bgp, hub, target
from lab.target import ELSEWHERE_AS, EXTERNAL_AS
from rfc import routes

OUTSIDE = {"outside": EXTERNAL_AS, "elsewhere": ELSEWHERE_AS}


def pytest_addoption(parser):
    parser.addoption("--target", choices=list(target.TARGETS), default="rrd", help="the daemon that the RFC suite judges")
    parser.addoption("--long", action="store_true", help="also cases that wait for long timers")


def pytest_configure(config):
    config.addinivalue_line("markers", "offers(code, group='client'): needs a capability in the daemon's OPEN")
    config.addinivalue_line("markers", "confederation: needs confederation segments to be taken from inside")
    config.addinivalue_line("markers", "long: waits for a long timer; only with --long")
    config.addinivalue_line("markers", "hub(**options): how this file wants its hub, see hub.Hub")


@pytest.fixture(scope="module")
def world(request):
    """The hub. A file says pytestmark = pytest.mark.hub(fixed=8) when it wants another than the usual."""
    name = re.sub(r"\W+", "-", request.module.__name__.split(".")[-1].replace("test_", ""))
    options = {}
    for mark in request.node.iter_markers("hub"):
        options.update(mark.kwargs)
    with Lab(name) as lab:
        this = hub.Hub(lab, daemon=request.config.getoption("--target"), **options)
        this.offered, this.confederations = {}, None
        yield this


def offered(world, group):
    """Capability codes in the daemon's OPEN to this group."""
    if group not in world.offered:
        probe = world.speaker(group).open().send_open()
        world.offered[group] = {code for code, _ in bgp.decode_open(probe.receive().body).capabilities}
        world.gone(probe)
    return world.offered[group]


def takes_confederations(world):
    """From who is not in the same confederation such segments are malformed (RFC 5065 4.1), so who is in none may take them or not."""
    if world.confederations is None:
        path = routes.segment(routes.CONFED_SEQUENCE, 64512)
        made = []
        result = routes.judge(casting(world, made), routes.update(routes.base(path=path)), first=False)
        world.confederations = result == "announced"
        world.gone(*made)
    return world.confederations


@pytest.fixture(autouse=True)
def judged(request, world, record_property):
    """Skips what the daemon does not offer; afterwards it must be alive. The report gets what the case rests on."""
    if request.function.__doc__:
        record_property("why", request.function.__doc__)
    if request.node.get_closest_marker("long") and not request.config.getoption("--long"):
        pytest.skip("only with --long")
    for mark in request.node.iter_markers("offers"):
        code, group = (*mark.args, "client")[:2]
        if world.target.TITLE != "rrd" and code not in offered(world, group):
            pytest.skip(f"{world.target.TITLE} does not offer capability {code}")
    if request.node.get_closest_marker("confederation") and world.target.TITLE != "rrd" and not takes_confederations(world):
        pytest.skip(f"{world.target.TITLE} takes no confederation segments where it is in no confederation")
    others = set(world.speakers)
    yield
    world.gone(*(s for s in world.speakers if s not in others))
    if not world.target.running:
        world.target.again()
        pytest.fail(f"{world.target.TITLE} has died")


def casting(world, made):
    """A function that makes speakers that are up, and notes them."""
    def make(group="client", kind="new_speaker", **more):
        if group in OUTSIDE:
            more.setdefault("asn", OUTSIDE[group])
        speaker = getattr(world, kind)(group, **more)
        made.append(speaker)
        return speaker.establish()
    return make


@pytest.fixture
def cast(world):
    """Makes speakers that are up; all are gone when the case is over. "elsewhere" is outside, too, in yet another AS."""
    made = []
    yield casting(world, made)
    world.gone(*made)
