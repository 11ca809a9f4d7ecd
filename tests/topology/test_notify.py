"""What a daemon tells the service manager: ready, reading its configuration again, ready again, ending.

    reflector (rrd) ==== node network ==== n1 (lb-announcer --node) -- pod (lb-announcer)
"""
import pytest

from lab import daemons
from lab.notify import Manager
from lab.reload import changed


def rrd(fig, env):
    return daemons.Daemon(fig.reflector, "rrd", daemons.reflector_config(), env=env)


def announcer(fig, env):
    return daemons.announcer(fig.add_pod(1), env=env)


def node(fig, env):
    return daemons.NodeRoutes(fig.nodes[0], env=env)


@pytest.mark.parametrize("make", [rrd, announcer, node], ids=["rrd", "lb-announcer", "lb-announcer --node"])
def test_a_life(fig, make):
    manager = Manager(fig.lab)
    daemon = make(fig, manager.env)
    manager.wait_for("READY")
    daemon.wait_until_ready()
    manager.check_reload(lambda: daemon.reload(changed(daemon, ("log.level", "info"))))
    manager.check_reload(lambda: daemon.reload(changed(daemon, ("log.level", "loud"))))
    # By rrctl it is the same; a dry run is nothing that a service manager need know.
    manager.forget()
    daemon.ctl("reload", "--dry-run", check=False)
    assert not any(set(m) - {"STATUS"} for m in manager.read())
    manager.check_reload(lambda: daemon.ctl("reload", check=False))
    manager.forget()
    daemon.process.terminate()
    manager.wait_for("STOPPING")
