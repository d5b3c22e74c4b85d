# SPDX-License-Identifier: Apache-2.0
"""A mount after the workload began."""
from cases import Rule

rule = Rule("isolation.mount", severity="critical")


def mount_by(act):
    def attack(case):
        attacker = case.bare()
        case.act()
        attacker.trigger(act)

    return attack


for act in ("mount", "umount", "pivot_root", "open_tree_clone", "move_mount", "fsopen", "fsmount", "mount_setattr",
            "mount_in_userns"):
    rule.attack(act)(mount_by(act))


@rule.attack("mount(8) in a container")
def _(case):
    attacker = case.container(capabilities=["CAP_SYS_ADMIN"])
    case.act()
    attacker.run("/usr/bin/mount", "-t", "tmpfs", "none", "/tmp")


@rule.quiet("open_tree without a clone")
def _(case):
    case.bare().trigger("open_tree_look")


@rule.quiet("the mounts of runc itself")
def _(case):
    case.container()
