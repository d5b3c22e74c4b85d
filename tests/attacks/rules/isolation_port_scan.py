# SPDX-License-Identifier: Apache-2.0
"""Many ports of an address, or many neighbours, are tried."""
from cases import Rule

rule = Rule("isolation.port_scan", severity="high")

PORTS = ("import socket\nfor port in range(20, 45):\n    s = socket.socket()\n    s.settimeout(0.2)\n    s.connect_ex(('10.66.0.9', port))\n"
         "    s.close()")


@rule.attack("TCP ports of one host")
def _(case):
    function = case.container()
    case.act()
    function.python(PORTS)


@rule.attack("UDP ports of one host")
def _(case):
    function = case.bare()
    case.act()
    function.python("import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\nfor port in range(100, 140):\n"
                    "    s.sendto(b'x', ('10.66.0.9', port))")


@rule.attack("TCP without waiting for an answer, by a child")
def _(case):
    function = case.bare()
    case.act()
    function.run("/usr/bin/python3", "-c", "import socket\nfor port in range(1000, 1030):\n    s = socket.socket()\n"
                 "    s.setblocking(False)\n    s.connect_ex(('10.66.0.9', port))")


@rule.quiet("reconnects to one backend")
def _(case):
    case.container().python("import socket\nfor _ in range(60):\n    s = socket.socket()\n    s.connect_ex(('10.66.0.9', 5432))\n    s.close()")


@rule.quiet("happy eyeballs: two addresses of one name")
def _(case):
    case.container().python("import socket\nfor address in ('10.66.0.9', '127.0.0.1') * 20:\n    s = socket.socket()\n"
                            "    s.connect_ex((address, 8443))\n    s.close()")
