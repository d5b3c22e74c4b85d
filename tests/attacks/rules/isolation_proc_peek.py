# SPDX-License-Identifier: Apache-2.0
"""What /proc tells of another sandbox's process is looked at."""
from cases import Rule

# ps is a program that function.shell_spawned tells of, where it is not listed.
rule = Rule("isolation.proc_peek", severity="high", policy={"exec": {"warm": ["/**"]}})


def look_at(act, *words):
    def attack(case):
        victim, attacker = case.bare("victim"), case.bare()
        case.act()
        attacker.trigger(act, victim.pid(), 0, *words)

    return attack


for entry in ("environ", "maps", "auxv", "smaps_rollup"):
    rule.attack(f"/proc/PID/{entry}")(look_at("proc_file", entry))
rule.attack("/proc/PID/exe as a link")(look_at("proc_link", "exe"))
rule.attack("environ opened and read by io_uring")(look_at("ring_file", "environ"))


@rule.attack("/proc/PID/root as a folder")
def _(case):
    victim = case.container("victim", files={"etc/own": b"own"})
    attacker = case.container(host_pid=True, capabilities=["CAP_SYS_PTRACE"])
    case.act()
    attacker.trigger("proc_open", victim.pid(), 0, "root/etc/own")


@rule.attack("PID/environ relative to /proc")
def _(case):
    look_at("proc_open_dirfd", "environ")(case)


@rule.quiet("what ps and top read: stat, status, cmdline, cgroup")
def _(case):
    victim, agent = case.bare("victim"), case.bare()
    for entry in ("stat", "status", "statm", "cmdline", "comm", "cgroup"):
        agent.trigger("proc_file", victim.pid(), 0, entry)


@rule.quiet("top, pgrep and busybox's ps over all processes")
def _(case):
    case.bare("victim")
    agent = case.bare()
    agent.run("/usr/bin/top", "-b", "-n1", check=True)
    agent.run("/usr/bin/pgrep", "-f", "python3", check=True)
    agent.run("/bin/busybox", "ps", check=True)


@rule.quiet("ps of procps, which reads environ, over a container's own processes")
def _(case):
    case.container().run("/usr/bin/ps", "-ef", check=True)


@rule.quiet("a process looks at itself")
def _(case):
    case.bare().python("for name in ('environ', 'maps', 'auxv', 'smaps'):\n    open(f'/proc/self/{name}', 'rb').read()")
