"""Another configuration for a running daemon: made, planned, taken, refused."""
import copy
import json


def changed(daemon, *changes):
    """Its configuration with (path, value) set; value None: without that key."""
    config = copy.deepcopy(daemon.config)
    for path, value in changes:
        *parents, last = path.split(".") if isinstance(path, str) else path
        at = config
        for key in parents:
            at = at[key] if isinstance(at, list) else at.setdefault(key, {})
        if value is None:
            del at[last]
        else:
            at[last] = value
    return config


def plan(daemon, config):
    """What the dry run says of it, as (apply, line)."""
    daemon.rewrite(config)
    rows = [json.loads(line) for line in daemon.ctl("--json", "reload", "--dry-run", check=False).splitlines()
            if line.startswith("{")]
    return [(r["apply"], ": ".join(r[k] for k in ("subject", "change", "effect") if k in r)) for r in rows]


def taken(daemon, config):
    status = daemon.reload(config)
    assert status["reload-error"] is None, status["reload-error"]
    return status


def refused(daemon, config):
    status = daemon.reload(config)
    assert status["reload-error"], "it was taken"
    return status["reload-error"]
