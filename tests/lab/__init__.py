"""The lab: networks, daemons, peers and traffic for the tests and the demo, all inside a private world.

world.py    the private world: namespaces of mounts, network and processes that end with the test
net.py      a network namespace with its links, addresses, routes and sockets
process.py  a process inside a namespace: its log, its end
lab.py      Lab: what a test holds; owns everything of the above and takes it down
fig4.py     the topology of the paper's Fig. 4 and 5
whole.py    the whole: Fig. 4 with IPVS in the load balancers, and web pods
load.py     connections that live, short requests, and their judgement, for whole.py
lbfarm.py   load balancers with IPVS and web pods, in an overlay
kubeapi.py  the Kubernetes API: EndpointSlices over HTTPS, and its bad days
ipvs.py     what IPVS has in a namespace, and what is written to it
flows.py    thousands of TCP flows as single packets
daemons.py  rrd, lb-announcer, lb-ipvs-agent and rrctl
peers.py    BIRD, GoBGP and ExaBGP
bgp.py      a BGP speaker that says whatever a test wants, true or false
talker.py   one that keeps values and answers refreshes
attributes.py  path attributes as values, and their octets
model.py    what a BGP speaker must hold, say and install: slow and obvious
churn.py    daemons, a cast of speakers and the model, driven by steps at random (churn_config.py, churn_steps.py, bulk.py)
tcp.py      keys, TTLs, forged packets and storms of connections
agent.py    a stand-in for lb-ipvs-agent, where there is no IPVS
exposition.py  Prometheus's text, read strictly
traffic.py  servers that tell who they are, clients, and streams of probes
debs.py     the Debian packages, and a Debian of their own
image.py    the image's file system and its containers (runtime.py: what runs them; containerfile.py: a container file without an engine)
wait.py     wait_until(fact): the only way a test waits
"""
from .lab import Lab
from .wait import wait_until

__all__ = ["Lab", "wait_until"]
