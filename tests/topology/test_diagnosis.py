"""What an operator is told when something is wrong: by whom, why, since when, and whether it is over.

    reflector (rrd) ==== node network ==== n1 -- a pod with lb-announcer, or a speaker of the test
                                     ==== router (rrd)
"""
import re
import signal

import pytest

from lab import bgp, daemons, exposition, tcp
from lab.fig4 import AS, REFLECTOR, ROUTER
from lab.wait import wait_until

OTHER_AS = 65099


def failed(daemon):
    """{address: row} of those who did not come up, and the note."""
    rows = daemon.show("ranges failed")
    return {r["address"]: r for r in rows if "address" in r}, next((r for r in rows if "note" in r), None)


def wait_for_problem(daemon, peer, text, timeout=10):
    def fact():
        row = daemon.neighbors().get(peer)
        return row if row and text in (row["last-error"] or "") else None
    return wait_until(fact, timeout, f"{daemon.name} to say {text!r} of {peer}")


def test_a_wrong_as_is_named_on_both_sides_and_stays_to_be_seen(fig, reflector):
    pod = fig.add_pod(1)
    config = daemons.announcer_config(pod)
    config["router"]["as"] = OTHER_AS
    config["neighbors"][0]["peer-as"] = AS
    announcer = daemons.announcer(pod, config=config)
    theirs = f"Bad Peer AS: we are AS {OTHER_AS}, its configuration expects another"
    ours = f"Bad Peer AS: it is AS {OTHER_AS}, AS {AS} is expected (peer-as)"
    row = wait_for_problem(announcer, REFLECTOR, theirs)
    assert row["last-error-over"] is False and row["last-error-ago-ms"] >= 0
    announcer.wait_for_log(theirs)
    reflector.wait_for_log(re.escape(ours))
    # The neighbor itself is gone, and why is still there.
    rows, _ = wait_until(lambda: pod.address in failed(reflector)[0] and failed(reflector), 5, "the failure to be shown")
    assert ours in rows[pod.address]["reason"] and rows[pod.address]["range"] == "172.16.0.0/16"
    ranges = {r["prefix"]: r for r in reflector.show("ranges")}
    assert ranges["172.16.0.0/16"]["failed"] >= 1 and ranges["172.16.0.0/16"]["last-failed"] == pod.address
    wait_until(lambda: pod.address not in reflector.neighbors(), 5, "the neighbor to be gone between attempts")
    with pytest.raises(Exception, match=f"is not here; .* ago: we sent .*{OTHER_AS}"):
        reflector.ctl("show", "neighbor", pod.address)
    table = reflector.ctl("show", "ranges", "failed")
    assert pod.address in table and "REASON" in table
    # And when it has come up, it is told that this is over.
    config["router"]["as"] = AS
    announcer.reload(config)
    reflector.wait_established(pod.address)
    assert failed(reflector)[0][pod.address]["state"] == "Established"


def test_an_error_that_is_over_is_told_apart(fig, reflector):
    router = daemons.router(fig)
    reflector.wait_established(ROUTER)
    reflector.ctl("clear", "neighbor", ROUTER, "new key")
    # Whoever ended the session knows, and so the other end has the error.
    row = wait_for_problem(router, REFLECTOR, "new key")
    wait_until(lambda: router.neighbors()[REFLECTOR]["state"] == "Established", 10, "the session to be up again")
    row = router.neighbors()[REFLECTOR]
    assert row["last-error-over"] is True and row["last-error-ago-ms"] >= row["since-ms"]
    head, line = router.ctl("show", "neighbors").splitlines()[:2]
    assert re.match(r"\(.* ago: peer sent Cease.*new key", line[head.index("LAST-ERROR"):])


def test_a_wrong_password_is_hinted_at_where_it_is_configured_and_counted_where_it_is_not_heard(fig):
    config = daemons.reflector_config()
    config["dynamic-neighbors"][0]["password"] = "key of the range"
    reflector = daemons.reflector(fig, config).wait_until_ready()
    pod = fig.add_pod(1)
    config = daemons.announcer_config(pod)
    config["neighbors"][0]["password"] = "another key"
    announcer = daemons.announcer(pod, config=config)
    wait_for_problem(announcer, REFLECTOR, "no answer; a password (TCP-MD5) is set here", 20)
    rows, note = failed(reflector)
    assert pod.address not in rows
    assert note["md5-wrong"] >= 1
    assert f"{note['md5-wrong']} with a wrong one" in reflector.ctl("show", "ranges", "failed")
    drops = exposition.parse(reflector.ctl("metrics"))["rrd_md5_drops_total"]
    assert drops.value(signature="wrong") >= note["md5-wrong"] and drops.value(signature="missing") == 0


# What would not work is told before it is tried.

def refused(daemon, config, *words):
    """What the dry run says of a file that cannot be taken."""
    before = daemon.status()
    daemon.rewrite(config)
    with pytest.raises(Exception) as e:
        daemon.ctl(*(words or ("reload", "--dry-run")))
    # Nothing was changed, and no reload was counted.
    assert all(daemon.status()[k] == before[k] for k in ("reloads", "reloads-refused"))
    return str(e.value)


def test_the_dry_run_tries_what_the_kernel_could_refuse(fig, reflector):
    config = daemons.reflector_config()
    config["listen"].append({"address": "192.0.2.1", "port": 179})
    assert "cannot listen on 192.0.2.1 port 179: Cannot assign requested address" in refused(reflector, config)
    with tcp.listener(fig.reflector, REFLECTOR, 1179):
        config["listen"][1] = {"address": REFLECTOR, "port": 1179}
        assert f"cannot listen on {REFLECTOR} port 1179: Address already in use" in refused(reflector, config)
    # Only the dry run was held up by that, and it left nothing behind.
    assert "added" in reflector.ctl("reload", "-n")
    assert reflector.reload()["reloads"] == 1
    # From one address to all: ours is in the way now and would not be.
    config["listen"] = [{"address": "0.0.0.0", "port": 179}]
    reflector.rewrite(config)
    assert "0.0.0.0" in reflector.ctl("rel", "-n")
    assert reflector.reload()["reloads"] == 2


def test_the_dry_run_reads_password_files_and_looks_where_the_socket_is_to_be(fig, reflector):
    config = daemons.reflector_config()
    config["dynamic-neighbors"][0]["password-file"] = "/run/no/such/file"
    assert "password-file: /run/no/such/file cannot be opened: No such file" in refused(reflector, config)
    config = daemons.reflector_config()
    socket = reflector.config["control"]["socket"]
    config["control"] = {"socket": "/run/no/such/directory/rrd.sock"}
    reflector.config["control"] = config["control"]
    assert "the directory is missing" in refused(reflector, config)
    config["control"] = reflector.config["control"] = {"socket": socket, "read-only-socket": socket + ".d", "read-only-group": "no-such"}
    assert 'there is no group "no-such" here' in refused(reflector, config)


def test_so_does_the_announcers_dry_run(fig):
    pod = fig.add_pod(1)
    announcer = daemons.announcer(pod).wait_until_ready()
    config = daemons.announcer_config(pod)
    config["control"] = {"socket": "/run/no/such/directory/lb-announcer.sock"}
    assert "lb-announcer.sock: the directory is missing" in refused(announcer, config)


def test_who_is_beyond_the_limit_is_named(fig):
    config = daemons.reflector_config()
    config["dynamic-neighbors"][0]["limit"] = 1
    reflector = daemons.reflector(fig, config).wait_until_ready()
    first, second = fig.add_pod(1), fig.add_pod(2)
    first.speaker().establish()
    with pytest.raises(OSError):
        second.speaker().establish(5)
    # From the node's own address, which is in no range.
    with pytest.raises(OSError):
        bgp.Speaker(first.node.ns, REFLECTOR, local=first.node.address, router_id=first.node.address).establish(5)
    rows, _ = failed(reflector)
    assert set(rows) == {second.address, first.node.address}
    assert rows[second.address]["reason"] == "refused: the limit of the range is reached"
    assert rows[first.node.address]["reason"] == "refused: neither a neighbor nor in a range"
    assert "range" not in rows[first.node.address]


def test_a_stopped_daemon_is_told_from_one_that_is_not_there(fig, reflector):
    rrctl = [daemons.binary("rrctl"), "-s", reflector.socket]
    reflector.process.signal(signal.SIGSTOP)
    try:
        for words in (["-t", "1", "show", "status"], ["watch", "neighbors", "--timeout=1"]):
            code, text = fig.reflector.result([*rrctl, *words])
            assert code == 5 and "does not answer: nothing came for 1 s" in text
    finally:
        reflector.process.signal(signal.SIGCONT)
    assert fig.reflector.result([*rrctl, "show", "status"])[0] == 0
    code, text = fig.reflector.result([*rrctl, "-t", "soon", "show", "status"])
    assert code == 2 and "no number of seconds" in text


# The announcer.

def test_announced_to_nobody_is_not_called_announced(fig):
    pod = fig.add_pod(1)
    announcer = daemons.announcer(pod).wait_until_ready()
    row = announcer.show("services")[0]
    assert (row["effective"], row["announced-to"], row["neighbors"]) == (False, 0, 1)
    assert "nobody is told" in row["reason"]
    assert "(announced)" in announcer.ctl("show", "services")
    daemons.reflector(fig)
    row = wait_until(lambda: (r := announcer.show("services")[0])["effective"] and r, 10, "the reflector to be told")
    assert row["announced-to"] == 1 and "nobody" not in row["reason"]
    assert "(" not in announcer.ctl("show", "services")


def test_a_configuration_that_is_good_elsewhere_is_told_from_one_that_is_good_here(fig):
    pod = fig.add_pod(1)
    config = daemons.announcer_config(pod)
    del config["services"][0]["next-hop"]
    path = fig.lab.file("auto.yaml", daemons.dump(config))
    argv = [daemons.binary("lb-announcer"), "-c", path]
    told = r"good, but lb-announcer would not start here: service 10\.1\.1\.0/24: .*set environment variable HOST_IP"
    for option, expected in (("-t", 0), ("--check", 1)):
        code, text = pod.ns.result([*argv, option])
        assert code == expected and re.search(told, text)
        code, text = pod.ns.result(["env", f"HOST_IP={pod.node.address}", *argv, option])
        assert code == 0 and text.strip() == f"{path}: good"
