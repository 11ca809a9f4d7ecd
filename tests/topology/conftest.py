"""Fixtures of the topology tests."""
import pytest

from lab import daemons, fig4


@pytest.fixture
def fig(lab):
    """The networks of Fig. 4, without daemons."""
    return fig4.Fig4(lab)


@pytest.fixture
def system(lab):
    """The networks of Fig. 4 with rrd as the reflector and rrd as the router, their session established."""
    this = daemons.System(lab)
    this.reflector.wait_established(fig4.ROUTER)
    return this


@pytest.fixture
def reflector(fig):
    """rrd as the reflector alone, ready; the router is the test's own speaker, if any."""
    return daemons.reflector(fig).wait_until_ready()
