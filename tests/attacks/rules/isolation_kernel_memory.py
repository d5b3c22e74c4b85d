# SPDX-License-Identifier: Apache-2.0
"""The kernel's memory or its trace files are opened."""
from cases import Rule

rule = Rule("isolation.kernel_memory", severity="critical")


def open_path(path):
    def attack(case):
        attacker = case.bare()
        case.act()
        attacker.python(f"import os\ntry:\n    os.close(os.open({path!r}, os.O_RDONLY | os.O_NONBLOCK))\nexcept OSError as e:\n    result = str(e)")

    return attack


rule.attack("/dev/kmsg")(open_path("/dev/kmsg"))
rule.attack("/proc/kmsg")(open_path("/proc/kmsg"))


@rule.attack("a device node of one's own for it")
def _(case):
    attacker = case.bare()
    node = f"{case.folder()}/log"
    attacker.python(f"import os, stat\nos.mknod({node!r}, 0o600 | stat.S_IFCHR, os.makedev(1, 11))")
    case.act()
    attacker.trigger("open_read", node)


@rule.quiet("a masked path, and /dev/null")
def _(case):
    case.container().python("for name in ('/dev/mem', '/dev/kmsg', '/sys/kernel/debug/x'):\n    try:\n        open(name)\n"
                            "    except OSError:\n        pass\nopen('/proc/version').read()")
