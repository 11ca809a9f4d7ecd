"""What `kubectl kustomize` makes of a directory, as far as contrib/kubernetes uses it; anything else is an error, not left out.

resources, components, configMapGenerator (files), strategic-merge patches with a target, nameSuffix, labels with includeSelectors,
images, replacements (with delimiter and index). Where a kubectl is at hand, tests/topology/test_manifests.py compares.
"""
import copy
import hashlib
import json
import os

import yaml

KNOWN = {"apiVersion", "kind", "resources", "components", "configMapGenerator", "patches", "nameSuffix", "labels", "images", "replacements"}
LOCAL = "config.kubernetes.io/local-config"
PODS = ("Deployment", "DaemonSet")
# Lists of maps that a patch merges by a key.
MERGE_KEYS = {"containers": "name", "initContainers": "name", "volumes": "name", "env": "name", "volumeMounts": "mountPath"}


class Item:
    """An object on its way: all names it has had, and whether its last one ends in a hash of what it holds."""

    def __init__(self, data, hashed=False):
        self.data, self.hashed = data, hashed
        self.names = {data["metadata"]["name"]}

    @property
    def kind(self):
        return self.data["kind"]

    @property
    def name(self):
        return self.data["metadata"]["name"]

    def matches(self, select):
        unknown = set(select) - {"kind", "name", "labelSelector"}
        assert not unknown, f"select: {unknown} is not known here"
        label, _, value = select.get("labelSelector", "").partition("=")
        labels = self.data["metadata"].get("labels", {})
        return (select.get("kind", self.kind) == self.kind and (not select.get("name") or select["name"] in self.names)
                and (not label or labels.get(label) == value))


def build(directory):
    """The objects that would be applied."""
    items = _load(directory, [])
    for item in items:
        if item.hashed:
            text = json.dumps(item.data["data"], sort_keys=True).encode()
            _rename(items, item, f"{item.name}-{hashlib.sha256(text).hexdigest()[:10]}")
    return [i.data for i in items if i.data["metadata"].get("annotations", {}).get(LOCAL) != "true"]


def _load(directory, items):
    with open(os.path.join(directory, "kustomization.yaml")) as f:
        wanted = yaml.safe_load(f)
    unknown = set(wanted) - KNOWN
    assert not unknown, f"{directory}: {unknown} is not known here"
    for path in wanted.get("resources", []):
        path = os.path.join(directory, path)
        items = items + (_load(path, []) if os.path.isdir(path) else [Item(d) for d in read(path)])
    items = items + [_config_map(directory, g) for g in wanted.get("configMapGenerator", [])]
    for path in wanted.get("components", []):
        items = _load(os.path.join(directory, path), items)
    for patch in wanted.get("patches", []):
        _patch(items, patch, directory)
    for item in items if wanted.get("nameSuffix") else []:
        _rename(items, item, item.name + wanted["nameSuffix"])
    for label in wanted.get("labels", []):
        _label(items, label)
    for image in wanted.get("images", []):
        _image(items, image)
    for replacement in wanted.get("replacements", []):
        _replace(items, replacement)
    return items


def read(path):
    """The documents of a file of manifests."""
    with open(path) as f:
        return [d for d in yaml.safe_load_all(f) if d]


def _config_map(directory, wanted):
    data = {}
    for entry in wanted["files"]:
        key, _, name = entry.rpartition("=")
        with open(os.path.join(directory, name)) as f:
            data[key or name] = f.read()
    meta = {"name": wanted["name"], "namespace": wanted["namespace"]}
    return Item({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data},
                not wanted.get("options", {}).get("disableNameSuffixHash"))


# Names, and who refers to them.

def _references(data):
    """(kind of what is meant, the map, the key in it)"""
    if data["kind"] in PODS:
        spec = data["spec"]["template"]["spec"]
        if "serviceAccountName" in spec:
            yield "ServiceAccount", spec, "serviceAccountName"
        for volume in spec.get("volumes", []):
            if "configMap" in volume:
                yield "ConfigMap", volume["configMap"], "name"
    if data["kind"] == "RoleBinding":
        yield data["roleRef"]["kind"], data["roleRef"], "name"
        for subject in data["subjects"]:
            yield subject["kind"], subject, "name"


def _rename(items, item, name):
    old = item.name
    item.data["metadata"]["name"] = name
    item.names.add(name)
    for other in items:
        for kind, where, key in _references(other.data):
            if kind == item.kind and where[key] == old:
                where[key] = name


def _label(items, wanted):
    assert set(wanted) == {"pairs", "includeSelectors"} and wanted["includeSelectors"], wanted
    for item in items:
        pairs, data = wanted["pairs"], item.data
        data["metadata"].setdefault("labels", {}).update(pairs)
        selector = data.get("spec", {}).get("selector")
        if selector is not None:
            (selector if item.kind == "Service" else selector["matchLabels"]).update(pairs)
        if item.kind in PODS:
            template = data["spec"]["template"]
            template["metadata"]["labels"].update(pairs)
            affinity = template["spec"].get("affinity", {}).get("podAntiAffinity", {})
            for term in affinity.get("preferredDuringSchedulingIgnoredDuringExecution", []):
                term["podAffinityTerm"]["labelSelector"]["matchLabels"].update(pairs)


def containers(data):
    """All of a Deployment's or DaemonSet's pods, those that run before included."""
    spec = data["spec"]["template"]["spec"]
    return spec.get("initContainers", []) + spec["containers"]


def _image(items, wanted):
    for item in items:
        for container in containers(item.data) if item.kind in PODS else []:
            if container["image"] == wanted["name"]:
                container["image"] = f"{wanted['newName']}:{wanted['newTag']}"


# Patches and replacements.

def _patch(items, wanted, directory):
    patch, = read(os.path.join(directory, wanted["path"]))
    found = [i for i in items if i.matches(wanted["target"])]
    assert found, f"{directory}: {wanted} meets nothing"
    for item in found:
        item.data["spec"] = _merged(item.data["spec"], patch["spec"])


def _merged(old, new, key=""):
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{k: _merged(old.get(k), v, k) for k, v in new.items()}}
    if isinstance(old, list) and key in MERGE_KEYS:
        name = MERGE_KEYS[key]
        names = [row[name] for row in old]
        theirs = {row[name]: row for row in new}
        first = [copy.deepcopy(row) for row in new if row[name] not in names]
        return first + [_merged(row, theirs.get(row[name], {})) for row in old]
    return copy.deepcopy(new)


def _replace(items, wanted):
    source = wanted["source"]
    found = [i for i in items if i.matches({k: source[k] for k in ("kind", "name")})]
    assert len(found) == 1, f"{source} is {len(found)} objects"
    value = _at(found[0].data, source["fieldPath"])[0][_at(found[0].data, source["fieldPath"])[1]]
    options = source.get("options", {})
    if options:
        value = value.split(options["delimiter"])[options.get("index", 0)]
    for target in wanted["targets"]:
        for item in items:
            for path in target["fieldPaths"] if item.matches(target["select"]) else []:
                where, key = _at(item.data, path)
                where[key] = _put(where[key], value, target.get("options", {}))


def _at(data, path):
    """(the map, the key) that a path such as data.name\\.conf names."""
    *way, last = (part.replace("\0", ".") for part in path.replace("\\.", "\0").split("."))
    for part in way:
        data = data[part]
    assert last in data, f"there is no {path}"
    return data, last


def _put(text, value, options):
    if not options:
        return value
    parts = text.split(options["delimiter"])
    assert options["index"] < len(parts), f"{options} is beyond the end of {text}"
    parts[options["index"]] = value
    return options["delimiter"].join(parts)
