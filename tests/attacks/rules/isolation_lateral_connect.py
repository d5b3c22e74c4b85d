# SPDX-License-Identifier: Apache-2.0
"""A function talks to another sandbox directly, past the gateway."""
from cases import Rule
from stage import lab

rule = Rule("isolation.lateral_connect", severity="high",
            policy={"egress": {"warm": [{"cidr": "10.67.0.9/32", "ports": [5432]}]}})


def two_networks(case):
    """Two namespaces with a wire between them: 10.67.0.1 is the attacker's, 10.67.0.2 the victim's."""
    one, other = case.network(), case.network()
    name = other.name[-8:]
    lab.run("ip", "-n", one.name, "link", "add", f"a{name}", "type", "veth", "peer", "name", f"b{name}", "netns", other.name)
    for network, device, address in ((one, f"a{name}", "10.67.0.1/24"), (other, f"b{name}", "10.67.0.2/24")):
        lab.run("ip", "-n", network.name, "address", "add", address, "dev", device)
        lab.run("ip", "-n", network.name, "link", "set", device, "up")
    return one, other


CONNECT = ("import socket\nwith socket.create_connection(('10.67.0.2', {0}), 5) as s:\n"
           "    s.sendall(b'GET / HTTP/1.1\\r\\n\\r\\n')\n    result = s.recv(100).decode()")


def pair(case, **options):
    one, other = two_networks(case)
    victim = case.container("victim", network=other)
    attacker = case.container(network=one, **options)
    # Somebody outside of all sandboxes (the gateway) calls the victim by its address first.
    lab.in_network(one.name, lambda: lab.run("/usr/bin/python3", "-c", CONNECT.format(victim.port)))
    return attacker, victim


@rule.attack("HTTP to another function's address")
def _(case):
    attacker, victim = pair(case)
    case.act()
    attacker.python(CONNECT.format(victim.port))


@rule.attack("UDP, by a child")
def _(case):
    attacker, _ = pair(case)
    case.act()
    attacker.run("/usr/bin/python3", "-c", "import socket\n"
                 "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('10.67.0.2', 5353))")


@rule.quiet("the gateway calls both")
def _(case):
    _, victim = pair(case)
    victim.ask()


@rule.quiet("a sandbox calls itself by its own address")
def _(case):
    _, victim = pair(case)
    victim.python("import threading, socket\nsocket.create_connection(('10.67.0.2', {}), 5).close()".format(victim.port))
