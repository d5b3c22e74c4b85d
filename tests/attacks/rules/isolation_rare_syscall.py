# SPDX-License-Identifier: Apache-2.0
"""A system call that functions have no use for."""
from cases import Rule

rule = Rule("isolation.rare_syscall", severity="medium")

CALL = "import ctypes\nresult = ctypes.CDLL(None, use_errno=True).syscall({})\n"


def call(*numbers):
    def attack(case):
        attacker = case.bare()
        case.act()
        attacker.python(CALL.format(", ".join(map(str, numbers))))

    return attack


rule.attack("keyctl")(call(250, 0, -3, 0))
rule.attack("add_key")(call(248, "b'user'", "b'name'", "b'x'", 1, -2))
rule.attack("userfaultfd")(call(323, 0))
rule.attack("modify_ldt")(call(154, 0, "ctypes.create_string_buffer(16)", 16))
rule.attack("swapon of nothing")(call(167, "b'/nothing'", 0))
rule.attack("the kernel's log")(call(103, 3, "ctypes.create_string_buffer(64)", 64))


@rule.attack("setting the clock, refused in a container")
def _(case):
    attacker = case.container()
    case.act()
    attacker.python("import time\ntry:\n    time.clock_settime(time.CLOCK_REALTIME, 0)\nexcept PermissionError:\n    pass")


@rule.quiet("reading the clock, one's limits and priorities")
def _(case):
    case.container().python("import os, resource, time\ntime.clock_gettime(0)\nresource.getrlimit(resource.RLIMIT_NOFILE)\n"
                            "os.nice(0)\nos.getrandom(8)\nos.sched_getaffinity(0)\nos.memfd_create('x')")


@rule.quiet("what runc calls before the workload")
def _(case):
    function = case.container()
    function.runc("exec", function.name, "/usr/bin/true")
