# SPDX-License-Identifier: Apache-2.0
"""A contact before ready that egress.init does not list."""
from cases import Rule

rule = Rule("coldstart.init_egress", severity="high",
            policy={"egress": {"init": [{"cidr": "10.66.0.9/32", "ports": [8500]}]}})

CONNECT = ("import socket\ntry:\n    socket.create_connection(({!r}, {}), 1).close()\nexcept OSError:\n    pass")
DATAGRAM = ("import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hello', ({!r}, {}))")


@rule.attack("TCP")
def _(case):
    case.act()
    case.container(init=CONNECT.format("10.66.0.9", 443))


@rule.attack("UDP")
def _(case):
    case.act()
    case.container(init=DATAGRAM.format("10.66.0.9", 443))


@rule.attack("by a shell that it starts")
def _(case):
    case.act()
    case.container(init="import os\nif os.fork() == 0:\n"
                        "    os.execv('/usr/bin/bash', ['bash', '-c', 'echo hello > /dev/tcp/10.66.0.9/443'])\nos.wait()")


@rule.quiet("the listed model store")
def _(case):
    case.container(init=CONNECT.format("10.66.0.9", 8500))


@rule.quiet("loopback and a UNIX socket")
def _(case):
    case.container(init=CONNECT.format("127.0.0.1", 9) + "\nsocket.socketpair()")
