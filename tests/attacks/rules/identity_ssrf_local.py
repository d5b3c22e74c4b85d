# SPDX-License-Identifier: Apache-2.0
"""A request makes the serving process call a local service."""
from cases import Rule

rule = Rule("identity.ssrf_local", severity="high",
            policy={"egress": {"warm": [{"cidr": "127.0.0.1/32", "ports": [15000]}]}})

CONNECT = "import socket\ns = socket.socket({1})\ns.settimeout(1)\ns.connect_ex(('{0}', {2}))\ns.close()"


@rule.attack("an admin port on loopback")
def _(case):
    function = case.container()
    case.act()
    function.python(CONNECT.format("127.0.0.1", "", 9000))


@rule.attack("by IPv6")
def _(case):
    function = case.container()
    case.act()
    function.python(CONNECT.format("::1", "socket.AF_INET6", 9000))


@rule.quiet("a listed sidecar")
def _(case):
    case.container().python(CONNECT.format("127.0.0.1", "", 15000))


@rule.quiet("the function's own port")
def _(case):
    function = case.container()
    function.python(CONNECT.format("127.0.0.1", "", function.port))
