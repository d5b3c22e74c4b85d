# SPDX-License-Identifier: Apache-2.0
"""Processes of a function crash again and again."""
from cases import Rule

rule = Rule("model.crash_probe", severity="medium")

CRASH = "import os\nfor _ in range({1}):\n    if os.fork() == 0:\n        os.kill(os.getpid(), {0})\n        os._exit(0)\n    os.wait()"


@rule.attack("segmentation faults of a handler's children")
def _(case):
    function = case.bare()
    case.act()
    function.python("import ctypes, os\nfor _ in range(6):\n    if os.fork() == 0:\n        ctypes.string_at(8)\n    os.wait()")


@rule.attack("aborts")
def _(case):
    function = case.bare()
    case.act()
    function.python(CRASH.format(6, 6))


@rule.quiet("a scale-down: SIGTERM, SIGKILL, SIGPIPE")
def _(case):
    case.bare().python("\n".join(CRASH.format(number, 6) for number in (15, 9, 13)))


@rule.quiet("failing exit codes")
def _(case):
    case.bare().python("import os\nfor _ in range(20):\n    if os.fork() == 0:\n        os._exit(1)\n    os.wait()")
