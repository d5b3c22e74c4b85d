# SPDX-License-Identifier: Apache-2.0
"""A function calls bpf()."""
from cases import Rule

rule = Rule("isolation.bpf", severity="critical")


def call_by(act):
    def attack(case):
        attacker = case.bare()
        case.act()
        attacker.trigger(act)

    return attack


for act in ("bpf_map", "bpf_prog", "bpf_list"):
    rule.attack(act)(call_by(act))


@rule.attack("in a container, by the C library")
def _(case):
    attacker = case.container()
    case.act()
    attacker.python("import ctypes\nctypes.CDLL(None).syscall(321, 0, ctypes.create_string_buffer(128), 128)")


@rule.quiet("a classic socket filter")
def _(case):
    case.bare().python("import socket, struct, ctypes\n"
                       "code = ctypes.create_string_buffer(struct.pack('HBBI', 6, 0, 0, 0xffff))\n"
                       "with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:\n"
                       "    s.setsockopt(socket.SOL_SOCKET, 26, struct.pack('HxxxxxxP', 1, ctypes.addressof(code)))")
