# SPDX-License-Identifier: Apache-2.0
"""A new user namespace while warm."""
from cases import Rule

rule = Rule("isolation.user_namespace", severity="high")


def make_by(act):
    def attack(case):
        attacker = case.bare()
        case.act()
        attacker.trigger(act)

    return attack


for act in ("unshare_user", "clone_user", "clone3_user"):
    rule.attack(act.replace("_", " of a ", 1).replace("user", "user namespace"))(make_by(act))


@rule.attack("unshare(1) in a container")
def _(case):
    attacker = case.container()
    case.act()
    attacker.run("/usr/bin/unshare", "-U", "/usr/bin/true")


@rule.quiet("a browser's zygote makes one before it is ready")
def _(case):
    case.bare(init="import ctypes\nctypes.CDLL(None).unshare(0x10000000)")


@rule.quiet("another kind of namespace")
def _(case):
    case.bare().trigger("clone_uts")
