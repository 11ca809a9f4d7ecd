"""Starts a pod of a manifest as a node would: each container's command line as it is written, in a root of its own.

What is as in a cluster: volumes (ConfigMaps, emptyDir, hostPath, projected token) at their paths, read-only where they are; the root
read-only; the environment and nothing else in it; user, groups and capabilities, exactly; /proc/sys read-only unless privileged; settings
of the pod; init containers first, in order; probes and hooks in the container. What is not: seccomp, limits, and the image: a root is
this machine's, with our programs in /usr/sbin and /usr/bin, their files with the capabilities that the image gives them, and a program of
busybox is this machine's of the same name. The node's modprobe only says what it was told.
"""
import os
import shlex
import shutil
import struct
import tempfile

from .daemons import binary
from .process import ENVIRONMENT
from .wait import wait_until

PROGRAMS = {"/usr/sbin": ("rrd", "lb-announcer", "lb-ipvs-agent"), "/usr/bin": ("rrctl",)}
# As contrib/container/make-root sets them: permitted, not effective.
CAPABILITIES = {"cap_net_bind_service": 10, "cap_net_admin": 12, "cap_net_raw": 13}
FILE_CAPABILITIES = {"rrd": 1 << 10 | 1 << 12, "lb-announcer": 1 << 12, "lb-ipvs-agent": 1 << 12 | 1 << 13}
VFS_CAP_REVISION_2 = 0x02000000
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
MODPROBE = "#!/bin/sh\necho modprobe $*\n"


def program(name):
    """A copy of ours with its file capabilities, in memory as a container's root is, to be linked to."""
    path = f"/run/programs/{name}"
    if not os.path.exists(path):
        os.makedirs("/run/programs", exist_ok=True)
        shutil.copy(binary(name), path)
        if name in FILE_CAPABILITIES:
            os.setxattr(path, "security.capability", struct.pack("<5I", VFS_CAP_REVISION_2, FILE_CAPABILITIES[name], 0, 0, 0))
    return path


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
        entered = ["nsenter", *(f"--{kind}=/proc/{pid}/ns/{file}" for kind, file in (("pid", "pid"), ("mount", "mnt"))),
                   f"--root=/proc/{pid}/root", "--wd=/"]
        return self.ns.result([*entered, *self._rights(container, kept=False), *self._environment(container), *command])

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
            os.chown(f.name, 0, self.spec.get("securityContext", {}).get("fsGroup", 0))
            os.chmod(f.name, volume.get("projected", {}).get("defaultMode", 0o644))
        os.chmod(place, 0o777 if "emptyDir" in volume else 0o755)
        return place

    def _files(self, volume):
        if "configMap" in volume:
            return next(o["data"] for o in self.objects if o["kind"] == "ConfigMap" and o["metadata"]["name"] == volume["configMap"]["name"])
        return self.token if "projected" in volume else {}

    # A container.

    def _rooted(self, container, command):
        """The command that runs it. In a guest each process costs, so what can be made beforehand is."""
        top = tempfile.mkdtemp(prefix=f"{container['name']}-", dir=self.place)
        upper, root = f"{top}/upper", f"{top}/root"
        for directory in (upper, root, f"{top}/work"):
            os.mkdir(directory)
        for directory, names in PROGRAMS.items():
            os.makedirs(upper + directory)
            for name in names:
                os.link(program(name), f"{upper}{directory}/{name}")
        security = container.get("securityContext", {})
        read_only = "ro," if security.get("readOnlyRootFilesystem") else ""
        script = ["set -e", f"mount -t overlay overlay -o {read_only}lowerdir=/,upperdir={upper},workdir={top}/work {root}",
                  *(f"mount --rbind /{d} {root}/{d}" for d in ("proc", "sys", "dev"))]
        for mount in container.get("volumeMounts", []):
            # A link leads where it does in the container's root: /var/run to /run.
            at = os.path.realpath(mount["mountPath"])
            os.makedirs(upper + at, exist_ok=True)
            script.append(self._mount(mount, top, root + at))
        if not security.get("privileged"):
            script.append(f"mount -o bind,ro /proc/sys {root}/proc/sys")
        script.append(f"exec chroot {root} {shlex.join([*self._rights(container), *self._environment(container), *command])}")
        return ["unshare", "--mount", "sh", "-c", "\n".join(script)]

    def _mount(self, mount, top, at):
        source, read_only = self.volumes[mount["name"]], "ro," if mount.get("readOnly") else ""
        if source != "/":
            return f"mount -o bind{',ro' if read_only else ''} {source} {at}"
        sbin = os.path.realpath("/sbin")
        os.makedirs(f"{top}/host{sbin}")
        os.mkdir(f"{top}/host-work")
        with open(f"{top}/host{sbin}/modprobe", "w") as f:
            f.write(MODPROBE)
        os.chmod(f.name, 0o755)
        return f"mount -t overlay overlay -o {read_only}lowerdir=/,upperdir={top}/host,workdir={top}/host-work {at}"

    def _rights(self, container, kept=True):
        mine, pod = container.get("securityContext", {}), self.spec.get("securityContext", {})
        words = ["setpriv", "--reuid", str(mine.get("runAsUser", pod.get("runAsUser", 0))),
                 "--regid", str(mine.get("runAsGroup", pod.get("runAsGroup", 0)))]
        words += ["--groups", str(pod["fsGroup"])] if "fsGroup" in pod else ["--clear-groups"]
        if not mine.get("privileged"):
            capabilities = mine.get("capabilities", {})
            assert capabilities.get("drop") == ["ALL"], f"{self.name}, {container['name']}: what it has is this module's guess"
            given = ",".join(["-all", *("+" + c.lower() for c in capabilities.get("add", []))])
            words.append(f"--bounding-set={given}")
            # A runtime lets another user than root keep what is given until its program starts, and then the file's count: so here,
            # by the ambient set, which a program whose file has capabilities begins without.
            words += [f"--inh-caps={given}", f"--ambient-caps={given}"] if kept and words[2] != "0" else ["--inh-caps=-all"]
        if mine.get("allowPrivilegeEscalation") is False:
            words.append("--no-new-privs")
        return words

    def _environment(self, container):
        values = {"PATH": PATH, "HOSTNAME": self.name, **self.env, **ENVIRONMENT}
        # Without the right to look at its own process LeakSanitizer gives up.
        values["ASAN_OPTIONS"] = values["ASAN_OPTIONS"].replace("detect_leaks=1", "detect_leaks=0")
        for row in container.get("env", []):
            values[row["name"]] = row["value"] if "value" in row else self.facts[row["valueFrom"]["fieldRef"]["fieldPath"]]
        return ["env", "-i", *(f"{k}={v}" for k, v in values.items())]
