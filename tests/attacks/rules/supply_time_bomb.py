# SPDX-License-Identifier: Apache-2.0
"""Long after it was ready a function does something that it never did."""
from cases import Rule

rule = Rule("supply.time_bomb", severity="medium", policy={"rules": {"supply.time_bomb": {"action": "alert"}}})

CONNECT = "import socket\ns = socket.socket()\ns.settimeout(1)\ns.connect_ex(('10.66.0.9', {}))\ns.close()"


def an_hour():
    return "it takes an hour after the start; tests/unit/detect/normal_rules_test.cpp tells the events' times"


@rule.attack("a contact an hour later", needs=an_hour)
def _(case):
    for _ in range(3):
        case.bare().python(CONNECT.format(443))
    late = case.bare()
    case.outlive(late, 3700)
    case.act()
    late.python(CONNECT.format(4444))


@rule.quiet("something new in the first hour")
def _(case):
    for _ in range(3):
        case.bare().python(CONNECT.format(443))
    case.bare().python(CONNECT.format(4444))
