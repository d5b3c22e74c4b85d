# SPDX-License-Identifier: Apache-2.0
"""A ring is made by a function that had none."""
from cases import Rule

rule = Rule("isolation.io_uring", severity="medium")

SETUP = "import ctypes\nresult = ctypes.CDLL(None).syscall(425, 4, ctypes.create_string_buffer(120))\n"


@rule.attack("in the serving process")
def _(case):
    attacker = case.container()
    case.act()
    attacker.python(SETUP)


@rule.attack("in a child")
def _(case):
    attacker = case.bare()
    case.act()
    attacker.trigger("ring_open_write", "/dev/null")


@rule.quiet("a runtime that had one when it started")
def _(case):
    case.container(init=SETUP).python(SETUP)


@rule.quiet("one that only looks whether there is io_uring")
def _(case):
    case.container().python("import ctypes\nctypes.CDLL(None).syscall(425, 0, None)")
