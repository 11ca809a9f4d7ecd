"""What the shells offer for rrctl's next word, with the files that are installed, asked as the shells ask.

    a shell -- rrctl -- reflector (rrd), or nobody
"""
import os
import shutil
import subprocess

import pytest

from lab import daemons
from lab.fig4 import ROUTER

SCRIPTS = os.path.join(daemons.TOP, "contrib", "completion")

# What bash does when the tab key is pressed behind LINE, as far as it can be told from the outside.
BASH = r'''
source "$1"; line=$2
spec=$(complete -p rrctl) && [[ $spec == "complete -F _rrctl rrctl" ]] || { echo "no completion: $spec"; exit 1; }
COMP_LINE=$line COMP_POINT=${#line} COMP_CWORD=0
_rrctl "$3" "" ""
[ ${#COMPREPLY[@]} = 0 ] || printf "%s\n" "${COMPREPLY[@]}"
'''
# And zsh, with what it calls to show the candidates put by a function that prints them.
ZSH = r'''
autoload -U is-at-least
_describe() { local -a shown; shown=("${(@P)2}"); (( $#shown )) && print -rl -- $shown }
_files() { print -r -- FILES }
words=("${(@Q)${(z)2}}"); [[ $2 == *" " ]] && words+=("")
words[1]=$3; CURRENT=$#words
source $1
'''


def bash(line):
    done = subprocess.run(["bash", "--norc", "-c", BASH, "bash", os.path.join(SCRIPTS, "rrctl"), line,
                           daemons.binary("rrctl")], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr
    return done.stdout.split()


def zsh(line):
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed (apt-get install zsh)")
    done = subprocess.run(["zsh", "-f", "-c", ZSH, "zsh", os.path.join(SCRIPTS, "_rrctl"), line, daemons.binary("rrctl")],
                          capture_output=True, text=True, timeout=20)
    assert not done.stderr, done.stdout + done.stderr
    return done.stdout.splitlines()


# Of a socket where nobody is: words need no daemon.
NOBODY = "rrctl -s /nonexistent.sock "
OFFERED = {
    "rrctl sh": ["show", "shutdown"],
    "rrctl show neigh": ["neighbors", "neighbor"],
    "rrctl show f": ["fib"],
    "rrctl sh rou 10.0.0.0/8 ": ["longer", "why"],
    "rrctl show route 10.0.0.0/8 ": ["why"],
    "rrctl show route ": ["for"],
    "rrctl show ranges ": ["failed"],
    "rrctl show fib ": [],
    NOBODY + "clear neighbor ": ["all"],
    "rrctl reload ": ["--dry-run"],
    "rrctl reload --dry-run ": [],
    "rrctl --js": ["--json"],
    "rrctl -a dr": ["drain"],
    "rrctl -a und": ["undrain"],
    "rrctl -n show ": ["services", "routes", "status", "log", "config"],
    "rrctl con": ["convert"],
    "rrctl convert -": ["-f", "-k", "-r", "-h"],
    "rrctl convert -f ": ["gobgp", "exabgp", "bird", "frr"],
    "rrctl log debug 10.0.0.0/8 ": ["off"],
    "rrctl refresh all ": ["in", "out"],
    "rrctl log level ": ["error", "warning", "info", "debug"],
    "rrctl watch routes 10.0.0.0/8 ": ["longer", "all"],
    "rrctl --ipvs-agent -s /nonexistent.sock drain web-1 60 ": ["service"],
    "rrctl -i show t": ["table"],
    "rrctl -j show mem": ["memory"],
    "rrctl make coffee ": [],
}


@pytest.mark.parametrize("line, offered", OFFERED.items(), ids=OFFERED)
def test_bash_offers_the_words_that_may_stand_there(line, offered):
    assert bash(line) == offered


@pytest.mark.parametrize("line, offered", OFFERED.items(), ids=OFFERED)
def test_zsh_offers_the_same_with_what_they_mean(line, offered):
    shown = zsh(line)
    assert [s.split(":")[0] for s in shown] == offered
    if line == "rrctl show f":
        assert shown == ["fib:routes of the kernel that are ours, a line per next hop"]


def test_every_command_of_the_help_can_be_completed():
    text = subprocess.run([daemons.binary("rrctl"), "--help"], capture_output=True, text=True, check=True).stdout
    option = {"rrd and lb-announcer (-a)": "", "lb-announcer (-a) and lb-ipvs-agent (-i)": "-a ", "rrd": "", "every daemon": "",
              "lb-announcer (-a)": "-a ", "lb-ipvs-agent (-i)": "-i ", "lb-announcer --node (-n)": "-n "}
    group, tried = None, 0
    for line in text.splitlines():
        if line.endswith(":") and not line.startswith(" "):
            group = option.get(line[:-1])
        elif line.startswith("  ") and not line.startswith("  -") and group is not None:
            words = line.split("  ")[1].split(" ")
            for at, word in enumerate(w for w in words if w.islower() and w[0] not in "[-" and "|" not in w):
                assert word in bash(f"rrctl {group}{' '.join(words[:at] + [word[:-1]])}"), line
                tried += 1
    assert tried > 40


def test_a_file_is_what_stands_behind_socket():
    assert bash("rrctl -s /ru") == [] and zsh("rrctl -s /ru") == ["FILES"]


def test_addresses_are_those_of_the_daemon_that_runs(reflector):
    line = f"rrctl -s {reflector.socket} clear neighbor "
    assert sorted(bash(line)) == sorted([ROUTER, "all"])
    assert bash(f"rrctl --socket={reflector.socket} show neighbor 10.") == [ROUTER]
    assert zsh(line) == ["all", ROUTER]


def test_an_address_with_colons_is_completed_behind_its_last_colon(fig):
    config = daemons.reflector_config(routers=("fd00:10::110",), address6="fd00:10::109")
    daemon = daemons.reflector(fig, config).wait_until_ready()
    # Bash puts what it is given in the place of the last of its own words, which begins behind the colon.
    assert bash(f"rrctl -s {daemon.socket} show neighbor fd00:10:") == [":110"]
    assert bash(f"rrctl -s {daemon.socket} show neighbor f") == ["fd00:10::110"]
    assert zsh(f"rrctl -s {daemon.socket} show neighbor fd00:10:") == [r"fd00\:10\:\:110"]


def test_make_install_puts_them_where_the_shells_look():
    with open(os.path.join(daemons.TOP, "contrib", "completion", "module.am")) as f:
        text = f.read()
    assert "bash-completion/completions" in text and "zsh/site-functions" in text
