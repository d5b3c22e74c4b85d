# SPDX-License-Identifier: Apache-2.0
"""A packet to the cloud's metadata service."""
from cases import Rule, compat_entry

rule = Rule("identity.metadata_service", severity="critical")


def send_by(*act):
    def attack(case):
        attacker = case.bare()
        case.act()
        attacker.trigger(*act)

    return attack


rule.attack("TCP")(send_by("egress-tcp", "169.254.169.254", "80"))
rule.attack("a TCP connect by the 32-bit entry", needs=compat_entry)(send_by("egress-compat-connect", "169.254.169.254", "80"))
rule.attack("a TCP connect by io_uring")(send_by("egress-uring-connect", "169.254.169.254", "80"))
rule.attack("UDP")(send_by("egress-udp-sendto", "169.254.169.254", "80"))
rule.attack("UDP on a connected socket")(send_by("egress-udp-connect", "169.254.169.254", "80"))
rule.attack("TCP fast open")(send_by("egress-fastopen", "169.254.169.254", "80"))
rule.attack("IPv4 in IPv6")(send_by("egress-tcp", "::ffff:169.254.169.254", "80"))
rule.attack("a raw packet of one's own")(send_by("egress-own-header", "169.254.169.254", "80", "udp"))


@rule.attack("HTTP from Python in a container")
def _(case):
    attacker = case.container()
    case.act()
    attacker.python("import socket\ntry:\n    socket.create_connection(('169.254.169.254', 80), 1).close()\n"
                    "except OSError:\n    pass")


@rule.attack("before it is ready")
def _(case):
    case.bare(init="import socket\ntry:\n    socket.create_connection(('169.254.169.254', 80), 1)\nexcept OSError:\n    pass")


@rule.quiet("another address, that of the function's own database")
def _(case):
    case.bare().trigger("egress-tcp", "10.66.0.9", "5432")


@rule.quiet("the host itself asks it")
def _(case):
    case.container()
    case.on_host_network("import socket\ntry:\n    socket.create_connection(('169.254.169.254', 80), 1)\n"
                         "except OSError:\n    pass")
