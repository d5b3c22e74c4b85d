# SPDX-License-Identifier: Apache-2.0
"""A contact while warm that egress.warm does not list."""
from cases import Rule

rule = Rule("function.unexpected_egress", severity="high",
            policy={"egress": {"warm": [{"cidr": "10.66.0.9/32", "ports": [5432]}]}})


def send_by(*act):
    def attack(case):
        function = case.bare()
        case.act()
        function.trigger(*act)

    return attack


rule.attack("TCP to another port")(send_by("egress-tcp", "10.66.0.9", "4444"))
rule.attack("UDP")(send_by("egress-udp-sendto", "10.66.0.9", "4444"))
rule.attack("TCP by io_uring")(send_by("egress-uring-connect", "10.66.0.9", "4444"))
rule.attack("IPv4 in IPv6")(send_by("egress-tcp", "::ffff:10.66.0.9", "4444"))


@rule.quiet("the listed address and port")
def _(case):
    case.bare().trigger("egress-tcp", "10.66.0.9", "5432")


@rule.quiet("loopback")
def _(case):
    case.bare().trigger("egress-tcp", "127.0.0.1", "7777")
