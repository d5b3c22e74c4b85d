# SPDX-License-Identifier: Apache-2.0
"""An accelerator's device is opened by a function that has none."""
import pathlib

from cases import Rule

rule = Rule("model.gpu_device", severity="medium", policy={"rules": {"model.gpu_device": {"action": "alert"}}})

NODE = ("import os, stat\nos.mknod({0!r}, 0o600 | stat.S_IFCHR, os.makedev({1}, {2}))\n"
        "try:\n    os.close(os.open({0!r}, os.O_RDONLY))\nexcept OSError as error:\n    result = str(error)")


def accelerator():
    nodes = list(pathlib.Path("/dev/dri").glob("renderD*")) + list(pathlib.Path("/dev").glob("nvidia[0-9]*"))
    return "" if nodes else "this machine has no accelerator, and an open that fails for that is not told"


@rule.attack("a device node of one's own for it", needs=accelerator)
def _(case):
    function = case.bare()
    case.act()
    function.python(NODE.format(f"{case.folder()}/nvidia0", 195, 0))


@rule.quiet("another device")
def _(case):
    case.bare().python("open('/dev/zero', 'rb').read(1)")
