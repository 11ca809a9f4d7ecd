"""Fixtures of the interop tests."""
import pytest

from lab import daemons, fig4


@pytest.fixture
def fig(lab):
    """The networks of Fig. 4, without daemons."""
    return fig4.Fig4(lab)


@pytest.fixture
def reflector(fig):
    """rrd as the reflector, ready. Pods hear routes here, for peers that are clients in a pod."""
    config = daemons.reflector_config()
    config["peer-groups"]["k8s"].pop("export")
    config["peer-groups"]["k8s"]["add-paths"] = {"send": "all"}
    return daemons.reflector(fig, config).wait_until_ready()
