# SPDX-License-Identifier: Apache-2.0
"""A block device is opened, or a node for one made."""
from cases import Rule

rule = Rule("isolation.block_device", severity="critical")


MAKE = "import os, stat\nos.mknod({0!r}, 0o600 | stat.S_IFBLK, os.makedev({1}, {2}))\n"


@rule.attack("mknod of a disk")
def _(case):
    attacker = case.bare()
    case.act()
    attacker.python(MAKE.format(f"{case.folder()}/d", 7, 0))


@rule.attack("mknodat relative to a folder, by a child")
def _(case):
    attacker = case.bare()
    code = (f"import os, stat\nfolder = os.open('{case.folder()}', os.O_RDONLY)\n"
            "os.mknod('d', 0o600 | stat.S_IFBLK, os.makedev(7, 1), dir_fd=folder)")
    case.act()
    attacker.run("/usr/bin/python3", "-c", code)


@rule.attack("mknod refused in a container")
def _(case):
    attacker = case.container()
    case.act()
    attacker.python("import os, stat\ntry:\n    os.mknod('/tmp/d', 0o600 | stat.S_IFBLK, os.makedev(8, 0))\nexcept OSError as e:\n    result = str(e)")


@rule.quiet("a pipe by mknod, /dev/null, and /sys/block")
def _(case):
    case.bare().python(f"import os, stat\nos.mknod('{case.folder()}/p', 0o600 | stat.S_IFIFO)\nopen('/dev/null').read()\n"
                       "os.listdir('/sys/block')")


@rule.quiet("a container with its usual devices")
def _(case):
    case.container().python("open('/proc/self/status').read()")
