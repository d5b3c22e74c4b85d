# SPDX-License-Identifier: Apache-2.0
"""Somebody else than the runtime asks the runtime API for work."""
from cases import Rule

rule = Rule("identity.runtime_api", severity="high")

CALL = ("import socket\ns = socket.socket()\ns.settimeout(1)\ns.connect_ex(('127.0.0.1', 9001))\ns.close()\n")


@rule.attack("a child, once it serves")
def _(case):
    function = case.bare(init=CALL)
    case.later_than_init(function)
    case.act()
    function.run("/usr/bin/python3", "-c", CALL)


@rule.attack("a shell's redirection")
def _(case):
    function = case.bare(init=CALL)
    case.later_than_init(function)
    case.act()
    function.run("/usr/bin/bash", "-c", "echo next > /dev/tcp/127.0.0.1/9001")


@rule.quiet("the runtime itself")
def _(case):
    function = case.bare(init=CALL)
    case.later_than_init(function)
    function.python(CALL)


@rule.quiet("port 9001 where nobody uses that API")
def _(case):
    function = case.bare()
    case.later_than_init(function)
    function.run("/usr/bin/python3", "-c", CALL)
