"""lb-ipvs-agent without root: the kernel's rules, its settings, and iptables, which has a lock of root's.

    client -- router -- overlay -- lb1 (lb-ipvs-agent, user nobody), web1
"""
import os

from lab import daemons, lbfarm, wait_until
from lab.lbfarm import ADDRESS
from lab.unprivileged import ADMIN, GID, RAW, Unprivileged, only

LOCK = "/run/xtables.lock"


class UnprivilegedAgent(Unprivileged, daemons.Agent):
    pass


def test_it_balances_and_masquerades_as_its_own_user(lab):
    farm = lbfarm.LbFarm(lab, pods=1)
    balancer = farm.balancers[0]
    # What root alone may load, and nothing else does.
    lab.need_modules("ip_tables")
    # As tmpfiles.d has it.
    os.close(os.open(LOCK, os.O_CREAT))
    os.chown(LOCK, 0, GID)
    os.chmod(LOCK, 0o640)
    # What a command of a check may do, it tells by its result.
    check = {"type": "command", "command": ["/bin/grep", "-q", "CapEff:.0000000000000000", "/proc/self/status"], "interval": 1}
    service = daemons.virtual(farm.pods, forward="nat", checks=[check])
    config = daemons.agent_config(service, masquerade=True, ipvs={"state-file": "/run/agent/state", "compare-interval": 1})
    balancer.ns.sysctl("net/ipv4/ip_forward", 0)
    agent = UnprivilegedAgent(balancer, config, name="agent").wait_settled()
    assert agent.rights() == only(ADMIN | RAW)
    assert balancer.ns.sysctl("net/ipv4/ip_forward") == "1"
    agent.wait_weights(farm.pods)
    wait_until(lambda: "MASQUERADE" in balancer.ns.run("iptables-legacy -t nat -S POSTROUTING".split()), 10, "the rule")
    # A reload as that user: another service, and no masquerade any more.
    config = agent.with_changes(masquerade=False)
    config["services"].append(daemons.virtual(farm.pods, port=81))
    assert agent.reload(config)["reload-error"] is None
    agent.wait_weights(farm.pods, ADDRESS, 81)
    wait_until(lambda: "MASQUERADE" not in balancer.ns.run("iptables-legacy -t nat -S POSTROUTING".split()), 10, "the rule to go")
