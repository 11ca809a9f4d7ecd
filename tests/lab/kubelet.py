"""Starts a pod of a manifest as a node would: each container's command line as it is written, in a root of its own.

What is as in a cluster: volumes (ConfigMaps, emptyDir, hostPath, projected token) at their paths, read-only where they are; the root
read-only; the environment and nothing else in it; user, groups and capabilities, exactly; /proc/sys read-only unless privileged; settings
of the pod; init containers first, in order; probes and hooks in the container. What is not: seccomp, limits, and the image: a root is
this machine's, with our programs in /usr/sbin and /usr/bin, and a program of busybox is this machine's of the same name. The
node's modprobe only says what it was told.
"""
import os
import shlex
import tempfile

from .daemons import binary
from .process import ENVIRONMENT
from .wait import wait_until

PROGRAMS = {"/usr/sbin": ("rrd", "lb-announcer", "lb-ipvs-agent"), "/usr/bin": ("rrctl",)}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MODPROBE = "#!/bin/sh\\necho modprobe $*\\n"


class Pod:
    """template: a Deployment's or DaemonSet's; facts: {fieldPath: value}; host: the directory that stands for the node's file system;
    token: {file: text} of the service account's volume; env: where the API is."""

    def __init__(self, ns, name, template, objects, facts, host, token=None, env=None):
        self.ns, self.name, self.spec, self.objects, self.facts, self.host = ns, name, template["spec"], objects, facts, host
        self.token, self.env = token or {}, env or {}
        self.place = tempfile.mkdtemp(prefix="pod-", dir="/run")
        self.volumes = {v["name"]: self._volume(v) for v in self.spec.get("volumes", [])}
        self.processes = {}

    def path(self, volume, file):
        return os.path.join(self.volumes[volume], file)

    def start(self, but=()):
        """As the kubelet does; but: containers that are not started."""
        for sysctl in self.spec.get("securityContext", {}).get("sysctls", []):
            self.ns.sysctl(sysctl["name"].replace(".", "/"), sysctl["value"])
        outputs = {c["name"]: self.run(c) for c in self.spec.get("initContainers", []) if c["name"] not in but}
        for container in self.spec["containers"]:
            if container["name"] not in but:
                self.processes[container["name"]] = self.start_container(container)
        return outputs

    def container(self, name):
        return next(c for c in self.spec.get("initContainers", []) + self.spec["containers"] if c["name"] == name)

    def start_container(self, container):
        process = self.ns.start(self._rooted(container, container["command"]), f"{self.name}-{container['name']}", ours=True)
        process.handles_term = True
        return process

    def run(self, container, command=None):
        """Runs an init container, or another command in the place of a container's, to its end; what it printed."""
        code, output = self.ns.result(self._rooted(container, command or container["command"]))
        assert code == 0, f"{self.name}, {container['name']}: exit code {code}\n{output}"
        return output

    def execute(self, container, command):
        """In the running container, as a probe or `kubectl exec` does: (exit code, output)."""
        pid = self.processes[container["name"]].pid
        entered = ["nsenter", f"--mount=/proc/{pid}/ns/mnt", f"--root=/proc/{pid}/root", "--wd=/"]
        return self.ns.result([*entered, *self._rights(container), *self._environment(container), *command])

    def probe(self, name):
        container = self.container(name)
        return self.execute(container, container["readinessProbe"]["exec"]["command"])

    def wait_ready(self, timeout=15):
        def fact():
            for name, process in self.processes.items():
                assert process.running, f"{self.name}, {name} has ended with {process.popen.returncode}:\n{process.log()[-2000:]}"
                if "readinessProbe" in self.container(name):
                    code, output = self.probe(name)
                    assert code == 0, f"{self.name}, {name} is not ready: {output}"
            return True
        wait_until(fact, timeout, f"the containers of {self.name} to be ready", 0.1)
        return self

    def pre_stop(self):
        """All hooks; (exit code, output) of each."""
        return {c["name"]: self.execute(c, c["lifecycle"]["preStop"]["exec"]["command"])
                for c in self.spec["containers"] if "preStop" in c.get("lifecycle", {})}

    # Volumes.

    def _volume(self, volume):
        if "hostPath" in volume:
            path = volume["hostPath"]["path"]
            if path == "/":
                return path
            if volume["hostPath"]["type"] == "DirectoryOrCreate":
                os.makedirs(self.host + path, exist_ok=True)
            assert os.path.isdir(self.host + path), f"{self.name} would wait for {path} of the node"
            return self.host + path
        place = os.path.join(self.place, volume["name"])
        os.makedirs(place)
        for name, text in self._files(volume).items():
            with open(os.path.join(place, name), "w") as f:
                f.write(text)
            os.chmod(f.name, volume.get("projected", {}).get("defaultMode", 0o644))
        os.chmod(place, 0o777 if "emptyDir" in volume else 0o755)
        return place

    def _files(self, volume):
        if "configMap" in volume:
            return next(o["data"] for o in self.objects if o["kind"] == "ConfigMap" and o["metadata"]["name"] == volume["configMap"]["name"])
        return self.token if "projected" in volume else {}

    # A container.

    def _rooted(self, container, command):
        script = ["set -e", f"mkdir -p {self.place}/roots", f"top=$(mktemp -d {self.place}/roots/XXXXXX)", "mount -t tmpfs tmpfs $top",
                  "mkdir $top/upper $top/work $top/root", "root=$top/root",
                  "mount -t overlay overlay -o lowerdir=/,upperdir=$top/upper,workdir=$top/work $root",
                  "for d in proc sys dev; do mount --rbind /$d $root/$d; done"]
        for directory, names in PROGRAMS.items():
            script += [f"rm -f $root{directory}/{n}; cp {shlex.quote(binary(n))} $root{directory}/{n}" for n in names]
        script += [line for mount in container.get("volumeMounts", []) for line in self._mount(mount)]
        security = container.get("securityContext", {})
        if not security.get("privileged"):
            script += ["mount --bind /proc/sys $root/proc/sys", "mount -o remount,bind,ro $root/proc/sys"]
        if security.get("readOnlyRootFilesystem"):
            script.append("mount -o remount,ro $root")
        words = [*self._rights(container), *self._environment(container), *command]
        script.append(f"exec chroot $root {shlex.join(words)}")
        return ["unshare", "--mount", "sh", "-c", "\n".join(script)]

    def _mount(self, mount):
        source = self.volumes[mount["name"]]
        # A link is followed in the container's root: /var/run leads to /run there.
        yield f"at=$root$(chroot $root readlink -m {mount['mountPath']}); mkdir -p $at"
        if source == "/":
            yield "mkdir $top/host-upper $top/host-work"
            yield "mount -t overlay overlay -o lowerdir=/,upperdir=$top/host-upper,workdir=$top/host-work $at"
            yield f"rm -f $at/sbin/modprobe; printf '{MODPROBE}' >$at/sbin/modprobe; chmod 755 $at/sbin/modprobe"
        else:
            yield f"mount --bind {source} $at"
        if mount.get("readOnly"):
            yield f"mount -o remount,{'' if source == '/' else 'bind,'}ro $at"

    def _rights(self, container):
        mine, pod = container.get("securityContext", {}), self.spec.get("securityContext", {})
        words = ["setpriv", "--reuid", str(mine.get("runAsUser", pod.get("runAsUser", 0))),
                 "--regid", str(mine.get("runAsGroup", pod.get("runAsGroup", 0)))]
        words += ["--groups", str(pod["fsGroup"])] if "fsGroup" in pod else ["--clear-groups"]
        if not mine.get("privileged"):
            capabilities = mine.get("capabilities", {})
            assert capabilities.get("drop") == ["ALL"], f"{self.name}, {container['name']}: what it has is this module's guess"
            words.append("--inh-caps=-all")
            words.append("--bounding-set=" + ",".join(["-all", *("+" + c.lower() for c in capabilities.get("add", []))]))
        if mine.get("allowPrivilegeEscalation") is False:
            words.append("--no-new-privs")
        return words

    def _environment(self, container):
        values = {"PATH": PATH, "HOSTNAME": self.name, **self.env, **ENVIRONMENT}
        for row in container.get("env", []):
            values[row["name"]] = row["value"] if "value" in row else self.facts[row["valueFrom"]["fieldRef"]["fieldPath"]]
        return ["env", "-i", *(f"{k}={v}" for k, v in values.items())]
