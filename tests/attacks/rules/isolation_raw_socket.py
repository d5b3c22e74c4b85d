# SPDX-License-Identifier: Apache-2.0
"""A raw or packet socket."""
from cases import Rule, compat_entry

rule = Rule("isolation.raw_socket", severity="high")


def make_by(*act):
    def attack(case):
        attacker = case.bare()
        case.act()
        attacker.trigger(*act)

    return attack


rule.attack("AF_PACKET")(make_by("egress-packet-socket"))
rule.attack("SOCK_RAW")(make_by("egress-raw-socket"))
rule.attack("AF_PACKET by the 32-bit entry", needs=compat_entry)(make_by("egress-compat-packet-socket"))
rule.attack("AF_PACKET by io_uring")(make_by("egress-uring-socket", "packet"))
rule.attack("refused: no CAP_NET_RAW")(make_by("egress-refused-socket", "raw"))


@rule.attack("a raw socket of Python in a container with CAP_NET_RAW, as faasd grants it")
def _(case):
    attacker = case.container(capabilities=["CAP_NET_RAW"])
    case.act()
    attacker.python("import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP).close()")


@rule.quiet("a ping without privilege: an ICMP datagram socket")
def _(case):
    case.bare().python("import socket\ntry:\n    socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1).close()\n"
                       "except PermissionError:\n    pass")


@rule.quiet("CAP_NET_RAW that is not used")
def _(case):
    case.container(capabilities=["CAP_NET_RAW"]).ask()


@rule.quiet("netlink, as getifaddrs asks")
def _(case):
    case.bare().python("import socket\nsocket.if_nameindex()\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0).close()")
