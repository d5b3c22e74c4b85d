# SPDX-License-Identifier: Apache-2.0
"""A function loads a kernel module, or makes the kernel load one."""
from cases import Rule, kernel_file

rule = Rule("isolation.kernel_module", severity="critical")

MODULES = kernel_file("/proc/modules")


def load_by(act):
    def attack(case):
        attacker = case.bare()
        case.act()
        attacker.trigger(act)

    return attack


for act in ("init_module", "finit_module", "delete_module"):
    rule.attack(act, needs=MODULES)(load_by(act))


@rule.quiet("a function looks at the list of modules", needs=MODULES)
def _(case):
    case.bare().python("open('/proc/modules').read()")
