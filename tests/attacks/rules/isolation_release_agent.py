# SPDX-License-Identifier: Apache-2.0
"""A cgroup's release_agent is opened for writing: what it names, the kernel runs on the host."""
from cases import Rule

rule = Rule("isolation.release_agent", severity="critical")


def write(case, name, act="open_write"):
    """In a cgroup v1 hierarchy that the sandbox mounted for itself, as the escape does it."""
    attacker = case.bare()
    folder = case.folder()
    case.mount_cgroup_v1(folder)
    case.act()
    attacker.trigger(act, f"{folder}/{name}")


@rule.attack("release_agent")
def _(case):
    write(case, "release_agent")


@rule.attack("notify_on_release, by a symbolic link")
def _(case):
    write(case, "notify_on_release", "open_write_symlink")


@rule.quiet("reading it")
def _(case):
    reader = case.bare()
    folder = case.folder()
    case.mount_cgroup_v1(folder)
    reader.trigger("open_read", f"{folder}/release_agent")
