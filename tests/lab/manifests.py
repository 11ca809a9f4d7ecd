"""The rules of Kubernetes' published schemas for what contrib/kubernetes uses, written down by hand, and those that the API server checks
beyond them. What is not listed here is refused: a field that is new in the manifests is one line here, once it was looked up.

TYPES: {type: {field: its type}}; "!" behind a field: required. [T]: a list; {"": T}: a map with any keys; a set: one of these words;
"quantity", "name" (RFC 1123 subdomain), "label" (RFC 1123 label), "port", "cidr-or-address": texts, and a number for the port.
"""
import ipaddress
import re

NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
LABEL_KEY = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?")
SYSCTL = re.compile(r"[a-z0-9]([-_a-z0-9]*[a-z0-9])?([./][a-z0-9]([-_a-z0-9]*[a-z0-9])?)*")

LABELS, ANNOTATIONS = {"": "label-value"}, {"": "str"}
TYPES = {
    "Meta": {"name!": "name", "namespace": "label", "labels": LABELS, "annotations": ANNOTATIONS},
    "TemplateMeta": {"labels!": LABELS, "annotations": ANNOTATIONS},
    "Selector": {"matchLabels": LABELS, "matchExpressions": ["Requirement"]},
    "Requirement": {"key!": "str", "operator!": {"In", "NotIn", "Exists", "DoesNotExist"}, "values": ["label-value"]},
    "v1 Namespace": {"metadata!": "Meta"},
    "v1 ConfigMap": {"metadata!": "Meta", "data!": {"": "str"}},
    "v1 ServiceAccount": {"metadata!": "Meta", "automountServiceAccountToken": "bool"},
    "v1 Service": {"metadata!": "Meta", "spec!": "ServiceSpec"},
    "ServiceSpec": {"clusterIP": "cluster-ip", "selector": LABELS, "ports!": ["ServicePort"]},
    "ServicePort": {"name": "label", "port!": "port", "protocol": {"TCP", "UDP", "SCTP"}, "targetPort": "port-or-name"},
    "rbac.authorization.k8s.io/v1 Role": {"metadata!": "Meta", "rules!": ["PolicyRule"]},
    "PolicyRule": {"apiGroups!": ["str"], "resources!": ["str"], "verbs!": ["str"]},
    "rbac.authorization.k8s.io/v1 RoleBinding": {"metadata!": "Meta", "roleRef!": "RoleRef", "subjects": ["Subject"]},
    "RoleRef": {"apiGroup!": {"rbac.authorization.k8s.io"}, "kind!": {"Role", "ClusterRole"}, "name!": "name"},
    "Subject": {"kind!": {"ServiceAccount"}, "name!": "name", "namespace!": "label"},
    "policy/v1 PodDisruptionBudget": {"metadata!": "Meta", "spec!": "BudgetSpec"},
    "BudgetSpec": {"maxUnavailable": "count", "minAvailable": "count", "selector!": "Selector",
                   "unhealthyPodEvictionPolicy": {"IfHealthyBudget", "AlwaysAllow"}},
    "networking.k8s.io/v1 NetworkPolicy": {"metadata!": "Meta", "spec!": "PolicySpec"},
    "PolicySpec": {"podSelector!": "Selector", "policyTypes": [{"Ingress", "Egress"}], "ingress": ["IngressRule"]},
    "IngressRule": {"from": ["PolicyPeer"], "ports": ["PolicyPort"]},
    "PolicyPeer": {"podSelector": "Selector", "namespaceSelector": "Selector"},
    "PolicyPort": {"port": "port", "protocol": {"TCP", "UDP", "SCTP"}},
    "apps/v1 Deployment": {"metadata!": "Meta", "spec!": "DeploymentSpec"},
    "DeploymentSpec": {"replicas": "count", "selector!": "Selector", "strategy": "DeploymentStrategy", "template!": "PodTemplate",
                       "minReadySeconds": "count"},
    "DeploymentStrategy": {"type": {"Recreate", "RollingUpdate"}, "rollingUpdate": "RollingUpdate"},
    "RollingUpdate": {"maxSurge": "count", "maxUnavailable": "count"},
    "apps/v1 DaemonSet": {"metadata!": "Meta", "spec!": "DaemonSetSpec"},
    "DaemonSetSpec": {"selector!": "Selector", "updateStrategy": "DaemonSetStrategy", "template!": "PodTemplate"},
    "DaemonSetStrategy": {"type": {"OnDelete", "RollingUpdate"}, "rollingUpdate": "RollingUpdate"},
    "PodTemplate": {"metadata!": "TemplateMeta", "spec!": "PodSpec"},
    "PodSpec": {"serviceAccountName": "name", "automountServiceAccountToken": "bool", "enableServiceLinks": "bool", "hostNetwork": "bool",
                "dnsPolicy": {"ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"}, "priorityClassName": "name",
                "terminationGracePeriodSeconds": "count", "nodeSelector": LABELS, "affinity": "Affinity", "tolerations": ["Toleration"],
                "securityContext": "PodSecurity", "initContainers": ["Container"], "containers!": ["Container"], "volumes": ["Volume"]},
    "Affinity": {"podAntiAffinity": "PodAntiAffinity"},
    "PodAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": ["WeightedTerm"],
                        "requiredDuringSchedulingIgnoredDuringExecution": ["AffinityTerm"]},
    "WeightedTerm": {"weight!": "weight", "podAffinityTerm!": "AffinityTerm"},
    "AffinityTerm": {"topologyKey!": "str", "labelSelector": "Selector"},
    "Toleration": {"key": "str", "operator": {"Exists", "Equal"}, "effect": {"NoSchedule", "PreferNoSchedule", "NoExecute"},
                   "tolerationSeconds": "count"},
    "PodSecurity": {"runAsNonRoot": "bool", "runAsUser": "count", "runAsGroup": "count", "fsGroup": "count", "seccompProfile": "Seccomp",
                    "sysctls": ["Sysctl"]},
    "Seccomp": {"type!": {"RuntimeDefault", "Unconfined"}},
    "Sysctl": {"name!": "sysctl", "value!": "str"},
    "Container": {"name!": "label", "image!": "str", "command": ["str"], "args": ["str"], "env": ["EnvVar"], "ports": ["ContainerPort"],
                  "securityContext": "Security", "resources": "Resources", "readinessProbe": "Probe", "lifecycle": "Lifecycle",
                  "volumeMounts": ["VolumeMount"]},
    "EnvVar": {"name!": "str", "value": "str", "valueFrom": "EnvSource"},
    "EnvSource": {"fieldRef!": "EnvField"},
    "EnvField": {"fieldPath!": {"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
                                "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"}},
    "ContainerPort": {"name": "label", "containerPort!": "port", "protocol": {"TCP", "UDP", "SCTP"}},
    "Security": {"runAsUser": "count", "runAsGroup": "count", "runAsNonRoot": "bool", "privileged": "bool",
                 "allowPrivilegeEscalation": "bool", "readOnlyRootFilesystem": "bool", "capabilities": "Capabilities",
                 "seccompProfile": "Seccomp"},
    "Capabilities": {"add": ["str"], "drop": ["str"]},
    "Resources": {"requests": {"": "quantity"}, "limits": {"": "quantity"}},
    "Probe": {"exec": "Exec", "httpGet": "HttpGet", "periodSeconds": "count", "timeoutSeconds": "count", "failureThreshold": "count"},
    "Exec": {"command!": ["str"]},
    "HttpGet": {"path": "str", "port!": "port-or-name"},
    "Lifecycle": {"preStop": "Handler"},
    "Handler": {"exec": "Exec", "httpGet": "HttpGet"},
    "VolumeMount": {"name!": "label", "mountPath!": "path", "readOnly": "bool"},
    "Volume": {"name!": "label", "configMap": "ConfigMapVolume", "emptyDir": "EmptyDir", "hostPath": "HostPath", "projected": "Projected"},
    "ConfigMapVolume": {"name!": "name", "items": ["KeyToPath"]},
    "KeyToPath": {"key!": "str", "path!": "str"},
    "EmptyDir": {"medium": {"", "Memory"}, "sizeLimit": "quantity"},
    "HostPath": {"path!": "path", "type": {"", "Directory", "DirectoryOrCreate", "File", "Socket"}},
    "Projected": {"defaultMode": "mode", "sources!": ["ProjectedSource"]},
    "ProjectedSource": {"serviceAccountToken": "TokenSource", "configMap": "ConfigMapVolume", "downwardAPI": "DownwardSource"},
    "TokenSource": {"path!": "str", "expirationSeconds": "token-time"},
    "DownwardSource": {"items!": ["DownwardItem"]},
    "DownwardItem": {"path!": "str", "fieldRef!": "PodField"},
    "PodField": {"fieldPath!": {"metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid"}},
}


def _number(low, high):
    return lambda v: type(v) is int and low <= v <= high


def _text(pattern, longest=253):
    return lambda v: isinstance(v, str) and len(v) <= longest and pattern.fullmatch(v) is not None


def _address(value):
    try:
        return value == "None" or bool(ipaddress.ip_address(value))
    except ValueError:
        return False


SCALARS = {
    "str": lambda v: isinstance(v, str),
    "bool": lambda v: isinstance(v, bool),
    "count": _number(0, 2**31 - 1),
    "weight": _number(1, 100),
    "mode": _number(0, 0o777),
    "token-time": _number(600, 2**31 - 1),
    "port": _number(1, 65535),
    "port-or-name": lambda v: _number(1, 65535)(v) or _text(NAME, 15)(v),
    "name": _text(NAME),
    "label": lambda v: _text(NAME, 63)(v) and "." not in v,
    "label-value": _text(LABEL_VALUE, 63),
    "quantity": _text(QUANTITY),
    "sysctl": _text(SYSCTL),
    "cluster-ip": _address,
    "path": lambda v: isinstance(v, str) and v.startswith("/") and ".." not in v and ":" not in v,
}


def errors(objects):
    """All that is wrong with objects that are applied together, each in words; empty where nothing is."""
    found = []
    for data in objects:
        kind = f"{data.get('apiVersion')} {data.get('kind')}"
        name = f"{data.get('kind')} {data.get('metadata', {}).get('name')}"
        if kind not in TYPES:
            found.append(f"{name}: {kind} is not known")
            continue
        body = {k: v for k, v in data.items() if k not in ("apiVersion", "kind")}
        wrong = list(_shape(body, kind, name))
        found += wrong or _Object(data, objects, name).errors()
    names = [(d.get("kind"), d["metadata"].get("namespace"), d["metadata"].get("name")) for d in objects if "metadata" in d]
    return found + [f"{n} is there twice" for n in sorted(set(map(str, names))) if list(map(str, names)).count(n) > 1]


def _shape(value, kind, where):
    if isinstance(kind, list):
        if not isinstance(value, list):
            yield f"{where}: a list is wanted, not {value!r}"
        for n, one in enumerate(value if isinstance(value, list) else []):
            yield from _shape(one, kind[0], f"{where}[{n}]")
    elif isinstance(kind, set):
        if value not in kind:
            yield f"{where}: {value!r} is none of {', '.join(sorted(kind))}"
    elif isinstance(kind, dict):
        if not isinstance(value, dict):
            yield f"{where}: a map is wanted, not {value!r}"
            return
        for key, one in value.items():
            if not isinstance(key, str) or kind is LABELS and not LABEL_KEY.fullmatch(key):
                yield f"{where}: {key!r} is no key"
            yield from _shape(one, kind[""], f"{where}.{key}")
    elif kind in SCALARS:
        if not SCALARS[kind](value):
            yield f"{where}: {value!r} is no {kind}"
    else:
        yield from _fields(value, TYPES[kind], where)


def _fields(value, fields, where):
    if not isinstance(value, dict):
        yield f"{where}: a map is wanted, not {value!r}"
        return
    known = {f.rstrip("!"): t for f, t in fields.items()}
    for key, one in value.items():
        if key in known:
            yield from _shape(one, known[key], f"{where}.{key}")
        else:
            yield f"{where}: {key} is not known"
    for field in fields:
        if field.endswith("!") and field[:-1] not in value:
            yield f"{where}: {field[:-1]} is missing"


class _Object:
    """What the API server and the kubelet refuse though its shape is right, and what would wait for ever."""

    def __init__(self, data, objects, where):
        self.data, self.objects, self.where, self.found = data, objects, where, []

    def errors(self):
        getattr(self, f"_{self.data['kind'].lower()}", lambda: None)()
        if self.data["kind"] != "Namespace" and "namespace" not in self.data["metadata"]:
            self._say("metadata.namespace is missing: it would be whatever kubectl's is")
        return self.found

    def _say(self, text):
        self.found.append(f"{self.where}: {text}")

    def _there(self, kind, name, namespace=None):
        namespace = namespace or self.data["metadata"].get("namespace")
        if not any(o["kind"] == kind and o["metadata"]["name"] == name and o["metadata"].get("namespace") == namespace
                   for o in self.objects):
            self._say(f"there is no {kind} {name} in {namespace}")

    def _deployment(self):
        spec = self.data["spec"]
        strategy = spec.get("strategy", {})
        if strategy.get("type") == "Recreate" and "rollingUpdate" in strategy:
            self._say("strategy Recreate has no rollingUpdate")
        if strategy.get("rollingUpdate", {}).get("maxSurge") == 0 == strategy["rollingUpdate"].get("maxUnavailable"):
            self._say("maxSurge and maxUnavailable cannot both be 0")
        self._pods(spec)

    def _daemonset(self):
        self._pods(self.data["spec"])

    def _pods(self, spec):
        wanted, labels = spec["selector"].get("matchLabels"), spec["template"]["metadata"]["labels"]
        if not wanted or any(labels.get(k) != v for k, v in wanted.items()):
            self._say("the selector does not select the template")
        pod = spec["template"]["spec"]
        volumes = [v["name"] for v in pod.get("volumes", [])]
        everybody = pod.get("initContainers", []) + pod["containers"]
        for what, names in (("volume", volumes), ("container", [c["name"] for c in everybody])):
            for name in {n for n in names if names.count(n) > 1}:
                self._say(f"{what} {name} is there twice")
        for volume in pod.get("volumes", []):
            self._volume(volume)
        for container in everybody:
            self._container(container, volumes, container in pod["containers"])
            security = {**pod.get("securityContext", {}), **container.get("securityContext", {})}
            if security.get("runAsNonRoot") and security.get("runAsUser") == 0:
                self._say(f"container {container['name']}: runAsNonRoot, and user 0: it would not start")
        if "serviceAccountName" in pod:
            self._there("ServiceAccount", pod["serviceAccountName"])
        for sysctl in pod.get("securityContext", {}).get("sysctls", []):
            if pod.get("hostNetwork") and sysctl["name"].startswith("net."):
                self._say(f"{sysctl['name']} cannot be set with hostNetwork")
        for toleration in pod.get("tolerations", []):
            if "tolerationSeconds" in toleration and toleration.get("effect") != "NoExecute":
                self._say("tolerationSeconds is for NoExecute")
            if "key" not in toleration and toleration.get("operator") != "Exists":
                self._say("a toleration without a key must be Exists")

    def _volume(self, volume):
        if len(volume) != 2:
            self._say(f"volume {volume['name']} must be of one kind")
        for config in [volume.get("configMap")] + [s.get("configMap") for s in volume.get("projected", {}).get("sources", [])]:
            if config and config["name"] != "kube-root-ca.crt":  # which is in each namespace
                self._there("ConfigMap", config["name"])

    def _container(self, container, volumes, lasting):
        name = f"container {container['name']}"
        for mount in container.get("volumeMounts", []):
            if mount["name"] not in volumes:
                self._say(f"{name}: there is no volume {mount['name']}")
        paths = [m["mountPath"] for m in container.get("volumeMounts", [])]
        if len(set(paths)) < len(paths):
            self._say(f"{name}: two volumes at one path")
        if not lasting and ("readinessProbe" in container or "lifecycle" in container):
            self._say(f"{name}: an init container has neither probe nor lifecycle")
        for handler in [container.get("readinessProbe"), container.get("lifecycle", {}).get("preStop")]:
            if handler and len({"exec", "httpGet"} & set(handler)) != 1:
                self._say(f"{name}: a probe or hook has one way")
            self._named_port(name, container, (handler or {}).get("httpGet", {}).get("port", 1))
        for env in container.get("env", []):
            if len({"value", "valueFrom"} & set(env)) != 1:
                self._say(f"{name}: {env['name']} has one value")
        security = container.get("securityContext", {})
        if security.get("privileged") and security.get("allowPrivilegeEscalation") is False:
            self._say(f"{name}: privileged, and allowPrivilegeEscalation false, is refused")
        resources = container.get("resources", {})
        for key in set(resources.get("limits", {})) & set(resources.get("requests", {})):
            if amount(resources["limits"][key]) < amount(resources["requests"][key]):
                self._say(f"{name}: more {key} is requested than allowed")

    def _named_port(self, name, container, port):
        if isinstance(port, str) and port not in [p.get("name") for p in container.get("ports", [])]:
            self._say(f"{name}: there is no port {port}")

    def _rolebinding(self):
        self._there(self.data["roleRef"]["kind"], self.data["roleRef"]["name"])
        for subject in self.data["subjects"]:
            self._there(subject["kind"], subject["name"], subject["namespace"])

    def _poddisruptionbudget(self):
        if len({"maxUnavailable", "minAvailable"} & set(self.data["spec"])) != 1:
            self._say("one of maxUnavailable and minAvailable")
        self._selects(self.data["spec"]["selector"].get("matchLabels"))

    def _service(self):
        self._selects(self.data["spec"]["selector"])

    def _networkpolicy(self):
        self._selects(self.data["spec"]["podSelector"].get("matchLabels"))

    def _selects(self, labels):
        for other in self.objects:
            theirs = other.get("spec", {}).get("template", {}).get("metadata", {}).get("labels", {})
            if labels and all(theirs.get(k) == v for k, v in (labels or {}).items()) \
                    and other["metadata"].get("namespace") == self.data["metadata"].get("namespace"):
                return
        self._say(f"it selects nothing: {labels}")


def amount(quantity):
    """A quantity as a number."""
    number, unit = re.fullmatch(r"([\d.]+)(\w*)", str(quantity)).groups()
    scale = {"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
    return float(number) * scale[unit]
