# SPDX-License-Identifier: Apache-2.0
"""Files outside of the sandbox's mounts are reached."""
import os

from cases import Rule

rule = Rule("isolation.host_path", severity="critical")

HOST_PID = {"host_pid": True, "capabilities": ["CAP_SYS_PTRACE"]}


def follow(name):
    def attack(case):
        attacker = case.container(**HOST_PID)
        case.act()
        attacker.trigger("proc_open", os.getpid(), 0, name)

    return attack


rule.attack("/proc/PID/root of the host")(follow("root/etc/passwd"))
rule.attack("/proc/PID/cwd of the host")(follow("cwd/."))


@rule.attack("open_by_handle_at")
def _(case):
    attacker = case.bare()
    case.act()
    attacker.trigger("open_by_handle")


@rule.attack("open_by_handle_at, refused", severity="high")
def _(case):
    attacker = case.container()
    case.act()
    attacker.trigger("open_by_handle")


@rule.quiet("init of a private pid namespace looks at itself")
def _(case):
    case.container().python("import os\nfor name in ('root', 'cwd'):\n    os.listdir(f'/proc/1/{name}/')")
