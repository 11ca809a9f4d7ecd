"""Stand-ins for the clouds' own command lines, gcloud and aws: they keep routes in a file, record their calls and can fail.

They know as much of the real ones' arguments and answers as contrib/cloud-routes uses, and refuse what the real ones refuse:
a route that is there already, one that is not there, an argument they do not know.
"""
import json
import os

CLI = r'''#!/usr/bin/python3
import fcntl
import json
import os
import re
import sys

DIR = os.path.dirname(os.path.abspath(__file__))
NAME, ARGS = os.path.basename(__file__), sys.argv[1:]


def fail(text, code=255):
    print(text, file=sys.stderr)
    sys.exit(code)


def option(name, default=None):
    """--name VALUE or --name=VALUE, taken out."""
    for i, arg in enumerate(ARGS):
        if arg == name:
            value = ARGS[i + 1]
            del ARGS[i:i + 2]
            return value
        if arg.startswith(name + "="):
            del ARGS[i]
            return arg[len(name) + 1:]
    if default is None:
        fail(f"the following arguments are required: {name}")
    return default


def nothing_left():
    if ARGS:
        fail(f"Unknown options: {' '.join(ARGS)}")


def gcloud(routes):
    global ARGS
    if ARGS[:2] != ["compute", "routes"]:
        fail("Invalid choice")
    verb, ARGS = ARGS[2], ARGS[3:]
    if verb == "list":
        name = re.fullmatch(r"name=(\S+)", option("--filter")).group(1)
        if option("--format") != "value[separator=' '](destRange,nextHopIp)":
            fail("unknown format")
        nothing_left()
        if name in routes:
            print(routes[name]["destRange"], routes[name]["nextHopIp"])
        return
    name = ARGS.pop(0)
    if not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", name):
        fail(f"Invalid value for field 'resource.name': '{name}'")
    ARGS.remove("--quiet")
    if verb == "create":
        route = {"network": option("--network"), "destRange": option("--destination-range"),
                 "nextHopIp": option("--next-hop-address"), "priority": option("--priority")}
        nothing_left()
        if name in routes:
            fail(f"The resource 'routes/{name}' already exists", 1)
        routes[name] = route
    elif verb == "delete":
        nothing_left()
        if name not in routes:
            fail(f"The resource 'routes/{name}' was not found", 1)
        del routes[name]
    else:
        fail("Invalid choice")


def destination():
    v4 = option("--destination-cidr-block", "")
    return v4 or option("--destination-ipv6-cidr-block")


def aws(state):
    global ARGS
    interfaces, routes = state.setdefault("interfaces", {}), state.setdefault("routes", {})
    if ARGS[0] != "ec2":
        fail("Invalid choice")
    verb, ARGS = ARGS[1], ARGS[2:]
    if verb == "describe-network-interfaces":
        address = re.fullmatch(r"Name=(addresses.private-ip-address|ipv6-addresses.ipv6-address),Values=(\S+)",
                               option("--filters")).group(2)
        option("--query"), option("--output")
        nothing_left()
        print(interfaces.get(address, "None"))
        return
    table = option("--route-table-ids" if verb == "describe-route-tables" else "--route-table-id")
    if table != "rtb-1":
        fail(f"An error occurred (InvalidRouteTableID.NotFound): {table}", 254)
    if verb == "describe-route-tables":
        prefix = re.search(r"Routes\[\?Destination(Ipv6)?CidrBlock=='(\S+)'\]\|\[0\]", option("--query")).group(2)
        option("--output")
        nothing_left()
        print("\t".join(routes[prefix]) if prefix in routes else "None")
        return
    prefix = destination()
    if verb == "create-route" and prefix in routes:
        fail("An error occurred (RouteAlreadyExists)", 254)
    if verb in ("replace-route", "delete-route") and prefix not in routes:
        fail("An error occurred (InvalidRoute.NotFound)", 254)
    if verb == "delete-route":
        nothing_left()
        del routes[prefix]
        return
    if verb not in ("create-route", "replace-route"):
        fail("Invalid choice")
    routes[prefix] = [option("--network-interface-id"), "active"]
    nothing_left()
    print(json.dumps({"Return": True}))


with open(f"{DIR}/{NAME}.json", "a+") as file:
    fcntl.flock(file, fcntl.LOCK_EX)
    with open(f"{DIR}/{NAME}.calls", "a") as calls:
        calls.write(" ".join(ARGS) + "\n")
    if os.path.exists(f"{DIR}/{NAME}.fails") and re.search(open(f"{DIR}/{NAME}.fails").read(), " ".join(ARGS)):
        fail("quota exceeded", 1)
    file.seek(0)
    cloud = json.loads(file.read() or "{}")
    {"gcloud": gcloud, "aws": aws}[NAME](cloud)
    file.seek(0)
    file.truncate()
    file.write(json.dumps(cloud))
'''


class Cloud:
    """name: gcloud or aws, first in the PATH of whoever is started with environment()."""

    def __init__(self, directory, name):
        self.directory, self.name = str(directory), name
        path = self.path("")
        with open(path, "w") as f:
            f.write(CLI)
        os.chmod(path, 0o755)

    def path(self, suffix):
        return os.path.join(self.directory, self.name + suffix)

    def environment(self, **more):
        return {"PATH": f"{self.directory}:{os.environ['PATH']}", **more}

    @property
    def state(self):
        try:
            with open(self.path(".json")) as f:
                return json.loads(f.read() or "{}")
        except FileNotFoundError:
            return {}

    @state.setter
    def state(self, value):
        with open(self.path(".json"), "w") as f:
            f.write(json.dumps(value))

    def calls(self):
        """The verbs that were called since the last look, those that only look left out."""
        try:
            with open(self.path(".calls")) as f:
                lines = [line.split() for line in f]
        except FileNotFoundError:
            return []
        os.unlink(self.path(".calls"))
        verbs = [words[2] if self.name == "gcloud" else words[1] for words in lines]
        return [v for v in verbs if v != "list" and not v.startswith("describe")]

    def fail_on(self, pattern):
        """Calls that contain this fail; None: none does."""
        if pattern is None:
            os.unlink(self.path(".fails"))
            return
        with open(self.path(".fails"), "w") as f:
            f.write(pattern)
