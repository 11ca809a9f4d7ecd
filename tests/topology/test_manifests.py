"""contrib/kubernetes without a cluster: the manifests by the rules of Kubernetes, their rights, and each command line as it is written.

    client -- router (outside/) ==== node network ==== n1, n2, n3: DaemonSet node; load balancers of web and shop on each
                                         |
                                     reflector, in the cluster or outside
"""
import copy
import functools
import json
import os
import re
import shutil
import subprocess

import pytest
import yaml

from lab import daemons, fig4, kubelet, kustomize, manifests, traffic, wait_until
from lab.cluster import SECOND, SECOND6, SETTINGS, TOP, Cluster, change, changed, find, outside, workloads

OVERLAYS = ("kubelet", "init")


@functools.cache
def built(overlay):
    return kustomize.build(os.path.join(TOP, "overlays", overlay))


def objects(overlay):
    return copy.deepcopy(built(overlay))


# Rules.

@pytest.mark.parametrize("directory", ["overlays/kubelet", "overlays/init", "outside"])
def test_they_are_right_by_the_rules_of_kubernetes(directory):
    assert manifests.errors(kustomize.build(os.path.join(TOP, directory))) == []


def break_field(found):
    workloads(found)["reflector-first"]["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}


def break_type(found):
    workloads(found)["node"]["spec"]["template"]["spec"]["containers"][0]["securityContext"]["runAsUser"] = "0"


def break_required(found):
    del workloads(found)["web"]["spec"]["selector"]


def break_reference(found):
    find(found, "RoleBinding", "load-balancer-web")["subjects"][0]["name"] = "load-balancer"


def break_selector(found):
    find(found, "PodDisruptionBudget", "load-balancer-web")["spec"]["selector"]["matchLabels"]["rrd-service"] = "wep"


def break_privileged(found):
    workloads(found)["web"]["spec"]["template"]["spec"]["initContainers"][0]["securityContext"]["allowPrivilegeEscalation"] = False


@pytest.mark.parametrize("change, message", [
    (break_field, "readynessProbe is not known"), (break_type, "'0' is no count"), (break_required, "selector is missing"),
    (break_reference, "there is no ServiceAccount load-balancer in rrd"), (break_selector, "it selects nothing"),
    (break_privileged, "privileged, and allowPrivilegeEscalation false")])
def test_the_rules_find_what_is_wrong(change, message):
    found = objects("init")
    change(found)
    assert [e for e in manifests.errors(found) if message in e], manifests.errors(found)


@pytest.mark.parametrize("directory", ["overlays/kubelet", "overlays/init", "outside"])
def test_kubectl_makes_the_same_of_them(directory):
    """Debian has no kubectl that knows components: where another one is at hand, it is asked."""
    if not shutil.which("kubectl"):
        pytest.skip("no kubectl here")
    path = os.path.join(TOP, directory)
    done = subprocess.run(["kubectl", "kustomize", path], capture_output=True, text=True, check=False)
    if "unknown field" in done.stderr:
        pytest.skip("a kubectl that is too old for components")
    assert done.returncode == 0, done.stderr

    def by_name(rows):
        rows = json.loads(re.sub(r'"((?:node|(?:announcer|agent)-\w+))-[0-9a-z]{10}"', r'"\1"', json.dumps(rows)))
        return {(r["kind"], r["metadata"]["name"]): r for r in rows}
    assert by_name(kustomize.build(path)) == by_name(list(yaml.safe_load_all(done.stdout)))


# Rights.

CAPABILITIES = {  # (pod, container): what is added to nothing
    ("node", "modules"): ["SYS_CHROOT", "SYS_MODULE"], ("node", "node"): ["NET_ADMIN"],
    ("reflector-first", "reflector"): [], ("reflector-second", "reflector"): [],
    **{(f"load-balancer-{s}", c): ["NET_ADMIN"] for s in ("web", "shop") for c in ("announcer", "agent")},
    **{(s, "real-server"): ["NET_ADMIN"] for s in ("web", "shop")}}
PRIVILEGED = {"kubelet": set(), "init": {("load-balancer-web", "sysctls"), ("load-balancer-shop", "sysctls"), ("web", "real-server"),
                                         ("shop", "real-server")}}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_each_container_has_the_least_rights(overlay):
    found = workloads(objects(overlay))
    seen = {}
    for pod, data in found.items():
        for c in kustomize.containers(data):
            if c["image"].startswith("nginx"):
                continue
            security = c["securityContext"]
            seen[pod, c["name"]] = security
            assert security["readOnlyRootFilesystem"], (pod, c["name"])
            if (pod, c["name"]) in PRIVILEGED[overlay]:
                assert security["privileged"]
                continue
            assert not security.get("privileged") and security["allowPrivilegeEscalation"] is False, (pod, c["name"])
            wanted = {"drop": ["ALL"], **({"add": CAPABILITIES[pod, c["name"]]} if CAPABILITIES[pod, c["name"]] else {})}
            assert security["capabilities"] == wanted, (pod, c["name"])
    assert set(seen) == set(CAPABILITIES) | PRIVILEGED[overlay]
    for pod in ("reflector-first", "reflector-second", "load-balancer-web", "load-balancer-shop"):
        security = found[pod]["spec"]["template"]["spec"]["securityContext"]
        assert security["runAsNonRoot"] and security["runAsUser"] == security["fsGroup"] == 65532, pod
        for c in found[pod]["spec"]["template"]["spec"]["containers"]:
            assert "runAsUser" not in c["securityContext"], (pod, c["name"])


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_pods_see_of_the_node_and_of_the_api(overlay):
    found = objects(overlay)
    host_paths, tokens = {}, set()
    for pod, data in workloads(found).items():
        spec = data["spec"]["template"]["spec"]
        assert spec.get("hostNetwork", False) == (pod == "node"), pod
        assert spec["automountServiceAccountToken"] is False, pod
        paths = {v["name"]: v["hostPath"]["path"] for v in spec["volumes"] if "hostPath" in v}
        for c in kustomize.containers(data):
            mounts = {m["name"]: m for m in c.get("volumeMounts", [])}
            tokens |= {(pod, c["name"]) for name in mounts if name == "token"}
            host_paths |= {(pod, c["name"], path): mounts[name].get("readOnly", False) for name, path in paths.items() if name in mounts}
    balancers = [f"load-balancer-{s}" for s in ("web", "shop")]
    assert host_paths == {("node", "modules", "/"): True, ("node", "node", "/run/rrd-node"): False,
                          **{(b, "announcer", "/run/rrd-node"): True for b in balancers}}
    assert tokens == {(b, "agent") for b in balancers}
    assert {json.dumps(r["rules"]) for r in found if r["kind"] in ("Role", "ClusterRole")} == {json.dumps(
        [{"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}])}
    assert not [o for o in found if o["kind"].startswith("Cluster")]
    assert {r["metadata"]["namespace"] for r in found if r["kind"] == "Role"} == {"default"}


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nobody_who_sends_keepalives_is_throttled(overlay):
    for pod, data in workloads(objects(overlay)).items():
        for c in kustomize.containers(data):
            if c["image"].startswith("rrd"):
                assert {"cpu", "memory"} <= set(c["resources"]["requests"]), (pod, c["name"])
                assert set(c["resources"]["limits"]) == {"memory"}, (pod, c["name"])


def test_a_pod_may_take_as_long_to_end_as_it_wants():
    for service in ("web", "shop"):
        found = objects("init")
        grace = workloads(found)[f"load-balancer-{service}"]["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
        agent = yaml.safe_load(find(found, "ConfigMap", f"agent-{service}")["data"]["lb-ipvs-agent.conf"])
        drain = yaml.safe_load(find(found, "ConfigMap", f"announcer-{service}")["data"]["lb-announcer.conf"])["drain"]
        assert drain["time"] + drain["linger"] < agent["ipvs"]["exit-wait"] < grace - 1


def test_both_variants_set_the_same():
    def of_pods(overlay, name):
        spec = workloads(objects(overlay))[name]["spec"]["template"]["spec"]
        return spec.get("securityContext", {}).get("sysctls", []), [c for c in spec["initContainers"]] if "initContainers" in spec else []
    for service in ("web", "shop"):
        listed, _ = of_pods("kubelet", f"load-balancer-{service}")
        _, before = of_pods("init", f"load-balancer-{service}")
        assert before[0]["command"] == ["sysctl", "-w", *(f"{s['name']}={s['value']}" for s in listed)]
        assert of_pods("kubelet", service)[0] and not of_pods("init", service)[0]


# Settings.

def test_a_value_is_changed_in_one_place(tmp_path):
    top = changed(tmp_path, **{"as": "64512", "reflector": "10.43.0.99", "second-reflector": "10.43.0.98", "range": "198.51.100.0/24 le 32", "router": "192.0.2.7"})
    for directory in ("overlays/init", "outside"):
        found = kustomize.build(os.path.join(top, directory))
        texts = [text for o in found if o["kind"] == "ConfigMap" for text in o["data"].values()]
        for old in ("65021", "10.96.0.179", "10.96.0.180", "10.0.0.109", "10.0.0.108", "10.0.0.110", "10.1.0.0/16"):
            assert not [t for t in texts if old in t], old
        for text in texts:
            assert "64512" in text or "lb-ipvs-agent.conf(5)" in text or "lb-announcer-node.conf(5)" in text
    found = kustomize.build(os.path.join(top, "overlays/init"))
    assert find(found, "Service", "reflector-first")["spec"]["clusterIP"] == "10.43.0.99"
    assert find(found, "Service", "reflector-second")["spec"]["clusterIP"] == "10.43.0.98"
    routers = [yaml.safe_load(find(found, "ConfigMap", f"reflector-{n}")["data"]["rrd.conf"])["router"] for n in ("first", "second")]
    assert routers == [{"as": "64512", "router-id": r, "cluster-id": "10.43.0.99"} for r in ("10.43.0.99", "10.43.0.98")]
    node = yaml.safe_load(find(found, "ConfigMap", "node")["data"]["lb-announcer-node.conf"])
    assert node["node"]["services"] == ["198.51.100.0/24"]


def test_services_differ_in_name_and_address():
    found = objects("init")
    for service, address in (("web", "10.1.1.1"), ("shop", "10.1.2.1")):
        agent = yaml.safe_load(find(found, "ConfigMap", f"agent-{service}")["data"]["lb-ipvs-agent.conf"])["services"][0]
        assert (agent["name"], agent["address"]) == (service, address)
        assert agent["source"]["kubernetes"] == {"service": service, "namespace": "default"}
        announcer = yaml.safe_load(find(found, "ConfigMap", f"announcer-{service}")["data"]["lb-announcer.conf"])
        assert announcer["services"] == [{"prefix": f"{address}/32"}]
        assert find(found, "Service", service)["metadata"]["namespace"] == "default"
        app = workloads(found)[service]["spec"]["template"]
        assert app["spec"]["initContainers"][0]["command"][-1] == address
        assert app["metadata"]["annotations"]["cni.projectcalico.org/allowedSourcePrefixes"] == f'["{address}/32"]'


def test_another_service_is_a_copy(tmp_path):
    """As doc/kubernetes.md says it, section 7."""
    top = changed(tmp_path)
    shutil.copytree(os.path.join(top, "services", "web"), os.path.join(top, "services", "mail"))
    for path, old, new in (("services/mail/kustomization.yaml", "-web", "-mail"), ("services/mail/kustomization.yaml", "rrd-service: web",
                           "rrd-service: mail"), ("overlays/init/kustomization.yaml", "  - ../../services/web\n",
                                                  "  - ../../services/web\n  - ../../services/mail\n")):
        with open(os.path.join(top, path)) as f:
            text = f.read()
        assert old in text, (path, old)
        with open(f.name, "w") as f:
            f.write(text.replace(old, new))
    change(top, "services/mail", service="mail", namespace="post", address="10.1.3.1/32")
    found = kustomize.build(os.path.join(top, "overlays", "init"))
    assert manifests.errors(found) == []
    assert set(workloads(found)) == set(workloads(objects("init"))) | {"load-balancer-mail"}
    agent = yaml.safe_load(find(found, "ConfigMap", "agent-mail")["data"]["lb-ipvs-agent.conf"])["services"][0]
    assert (agent["address"], agent["source"]) == ("10.1.3.1", {"kubernetes": {"service": "mail", "namespace": "post"}})
    assert {find(found, kind, "load-balancer-mail")["metadata"]["namespace"] for kind in ("Role", "RoleBinding")} == {"post"}
    assert find(found, "RoleBinding", "load-balancer-mail")["roleRef"]["name"] == "load-balancer-mail"


@pytest.mark.parametrize("name", ["reflector.conf", "second-reflector.conf", "router.conf", "router-of-inside.conf"])
def test_the_outside_configurations_are_right(lab, name):
    one, = kustomize.build(os.path.join(TOP, "outside"))
    lab.run([daemons.binary("rrd"), "-t", "-c", lab.file(name, one["data"][name])])


def test_the_page_names_what_there_is():
    with open(os.path.join(daemons.TOP, "doc", "kubernetes.md"), encoding="utf-8") as f:
        page = f.read()
    named = set(re.findall(r"contrib/kubernetes/([\w./-]+?)[\s`:,]", page)) | set(re.findall(r"`((?:cluster|overlays|outside|apps|services|"
                           r"reflector|load-balancer)/[\w./-]*)`", page))
    assert len(named) > 10
    missing = [n for n in named if not os.path.exists(os.path.join(TOP, n.replace("NAME", "web")))]
    assert not [n for n in missing if "*" not in n], missing
    for part in ("settings", "services/web"):
        settings, = kustomize.read(os.path.join(TOP, part, "settings.yaml"))
        for key, value in settings["data"].items():
            assert re.search(rf'^  {key}: "?{re.escape(value)}"?( |$)', page, re.M), (part, key)


def test_the_image_is_as_they_take_it_to_be():
    """contrib/container makes it: its user, and the capabilities of its programs' files."""
    with open(os.path.join(daemons.TOP, "contrib", "container", "make-root")) as f:
        script = f.read()
    user = workloads(objects("init"))["reflector-first"]["spec"]["template"]["spec"]["securityContext"]["runAsUser"]
    assert f"\nID={user}\n" in script
    given = {name: sum(1 << kubelet.CAPABILITIES[c] for c in words.split(","))
             for name, words in re.findall(r"^\t([\w-]+)\) echo (cap_[\w,]+) ;;", script, re.M)}
    assert given == kubelet.FILE_CAPABILITIES


# Command lines.

def test_two_services_with_the_reflector_outside(fig, tmp_path):
    """The whole walk but IPVS: the router's kernel spreads both services over three load balancers, and one that ends is out first."""
    top = changed(tmp_path, **SETTINGS)
    router = daemons.router(fig, outside(top, "router.conf"))
    reflector = daemons.reflector(fig, outside(top, "reflector.conf"))
    daemons.reflector(fig, outside(top, "second-reflector.conf"), fig.add_reflector("r2", SECOND, SECOND6))
    router.wait_established(fig4.REFLECTOR, SECOND)
    cluster = Cluster(fig, top)
    outputs = cluster.start_nodes()
    assert {o["modules"] for o in outputs} == {"modprobe -a ip_vs ip_vs_mh ipip\n"}
    cluster.add_balancers()
    cluster.wait_ecmp()
    assert len(reflector.show("routes")) == 6
    for address, service in ((fig4.ADDRESS, "web"), (fig4.ADDRESS2, "shop")):
        assert set(traffic.spread(fig.client, address, 60)) == {f"{service}-n{n}" for n in (1, 2, 3)}
    shown = cluster.do_page(cluster.balancers[0], "announcer")
    assert re.search(r"10\.1\.1\.1/32 +announced .*web: 4 of 4 servers healthy", shown["rrctl -a show services"]), shown
    shown = cluster.do_page(cluster.nodes[0], "node")
    assert all(f"{address}/32" in output for address in (fig4.ADDRESS, fig4.ADDRESS2) for output in shown.values()), shown
    # Ready means announced: not without servers.
    sick = cluster.balancers[5]
    sick.agent.set("shop", healthy=0)
    wait_until(lambda: sick.probe("announcer")[0] == 1, 5, "the one without servers to be found not ready")
    assert "10.1.2.1/32 is withdrawn: " in sick.probe("announcer")[1]
    sick.agent.set("shop", healthy=4)
    sick.wait_ready()
    # The end of a pod: hooks, then SIGTERM to all; it has drained and is out before it is gone.
    leaving = cluster.balancers[0]
    assert leaving.pre_stop() == {"announcer": (0, "")}
    code, output = leaving.probe("announcer")
    assert code == 1 and "10.1.1.1/32 is " in output, output
    wait_until(lambda: set(fig.hops(f"{fig4.ADDRESS}/32")) == {"n2", "n3"}, 10, "the one that drains to be out of the route")
    assert leaving.processes["announcer"].terminate(15) == 0
    assert set(traffic.spread(fig.client, fig4.ADDRESS, 40)) == {"web-n2", "web-n3"}


def test_the_reflectors_in_the_cluster(fig, tmp_path):
    """As nobody, each behind a Service's address; the router sees them by the addresses of their nodes. One may die."""
    addresses = {"first": "10.96.0.179", "second": "10.96.0.180"}
    top = changed(tmp_path, **{**SETTINGS, "reflector": addresses["first"], "second-reflector": addresses["second"]})
    router = daemons.router(fig, outside(top, "router-of-inside.conf"))
    cluster = Cluster(fig, top)
    for node in fig.nodes:
        node.masquerade()
    nodes = dict(zip(addresses, fig.nodes[1:]))
    reflectors = {which: cluster.add_reflector(which, node) for which, node in nodes.items()}
    for node in fig.nodes:
        # What kube-proxy makes of the two Services.
        rules = "\n".join(f"ip daddr {addresses[w]} tcp dport 179 dnat to {pod.net.address}" for w, pod in reflectors.items())
        node.ns.run(["nft", "-f", "-"], text=f"""
            table ip lab_service {{
                chain prerouting {{
                    type nat hook prerouting priority -100;
                    {rules}
                }}
            }}""")
    router.wait_established(*(n.address for n in nodes.values()))
    cluster.start_nodes()
    cluster.add_balancers()
    cluster.wait_ecmp()
    pod = reflectors["first"]
    assert "10.1.2.1/32" in cluster.do_page(pod, "reflector")["rrctl show routes"]
    code, output = pod.execute(pod.container("reflector"), ["/usr/bin/rrctl", "-j", "-s", "/run/rrd/rrd.sock", "show", "neighbors"])
    assert code == 0
    rows = [json.loads(line) for line in output.splitlines()]
    assert {r["address"] for r in rows if r["state"].lower() == "established"} == {fig4.ROUTER, *(p.net.address for p in cluster.balancers)}
    # Another ConfigMap, as the kubelet brings it, and what the page does with it: no session is touched.
    path = pod.path("configuration", "rrd.conf")
    with open(path) as f:
        text = f.read()
    with open(path, "w") as f:
        f.write(text.replace("limit: 256", "limit: 512"))
    for words in (["reload", "--dry-run"], ["reload"]):
        code, output = pod.execute(pod.container("reflector"), ["/usr/bin/rrctl", "-s", "/run/rrd/rrd.sock", *words])
        assert code == 0 and "limit 256 -> 512" in output and "resets" not in output, output
    # One dies: its sessions go, and nothing else.
    routes = [fig.router.route(f"{address}/32") for address in (fig4.ADDRESS, fig4.ADDRESS2)]
    pod.processes["reflector"].kill()
    wait_until(lambda: router.state(nodes["first"].address) != "established", 10, "the first to be missed")
    cluster.wait_ecmp()
    assert [fig.router.route(f"{address}/32") for address in (fig4.ADDRESS, fig4.ADDRESS2)] == routes
    for balancer in cluster.balancers:
        assert balancer.probe("announcer")[0] == 0
    # Both: nobody to announce to is not ready.
    reflectors["second"].processes["reflector"].kill()
    wait_until(lambda: all("has been told to no neighbor" in p.probe("announcer")[1] for p in cluster.balancers), 10, "all to be missed")


def test_lb_ipvs_agent_and_the_web_pods_by_their_command_lines(fig, tmp_path):
    """As far as this kernel goes: the configuration is right, and what is missing is IPVS; tests/ipvs has the rest."""
    cluster = Cluster(fig, changed(tmp_path, **SETTINGS))
    os.makedirs(cluster.hosts[fig.nodes[0]] + "/run/rrd-node")
    net = fig.add_pod(1, "web-n1")
    pod = cluster.pod(net.ns, "web-n1", "load-balancer-web", fig.nodes[0], net.address)
    for name in ("announcer", "agent"):
        container = pod.container(name)
        assert ": good" in pod.run(container, [*container["command"], "-t"])
