# SPDX-License-Identifier: Apache-2.0
"""A performance counter on others."""
from cases import Rule

rule = Rule("isolation.perf_event", severity="high")

# A software counter (type 1) of context switches, user and kernel.
OPEN = ("import ctypes, struct\nattr = ctypes.create_string_buffer(struct.pack('IIQQQQQ', 1, 112, 3, 0, 0, 0, {flags}) + bytes(64), 112)\n"
        "result = ctypes.CDLL(None, use_errno=True).syscall(298, attr, {pid}, {cpu}, -1, 0)\n")


@rule.attack("on all processes of a CPU")
def _(case):
    attacker = case.bare()
    case.act()
    attacker.python(OPEN.format(flags=0, pid=-1, cpu=0))


@rule.attack("refused in a container")
def _(case):
    attacker = case.container()
    case.act()
    attacker.python(OPEN.format(flags=0, pid=-1, cpu=0))


@rule.quiet("profiling oneself")
def _(case):
    case.bare().python(OPEN.format(flags=0, pid=0, cpu=-1))


@rule.quiet("profiling oneself in a container")
def _(case):
    case.container().python(OPEN.format(flags="1 << 5", pid=0, cpu=-1))
