# SPDX-License-Identifier: Apache-2.0
"""A process that a request left behind acts after a thaw, before any request."""
from cases import Rule
from stage import PYTHON

rule = Rule("function.undead_process", severity="high")

# Waits until it was frozen for a while, by the clock that goes on meanwhile, and then acts.
WAIT = ("import time, socket, os\nlast = time.monotonic()\nopen({ready!r}, 'w').close()\nwhile time.monotonic() - last < 0.7:\n    last = time.monotonic()\n"
        "    time.sleep(0.02)\n")
CONNECT = "try:\n    socket.create_connection(('10.66.0.9', 443), 1)\nexcept OSError:\n    pass\n"


def left_behind(code):
    def attack(case):
        function = case.bare()
        ready = case.folder() / "ready"
        function.start(PYTHON, "-c", WAIT.format(ready=str(ready)) + code)
        case.wait_until("the child to wait", ready.exists)
        case.act()
        case.freeze_and_thaw(function, seconds=1)

    return attack


rule.attack("it connects")(left_behind(CONNECT))
rule.attack("it runs a program")(left_behind("os.execv('/usr/bin/date', ['date'])"))


@rule.quiet("a worker from before it was ready keeps its connection", linger=True)
def _(case):
    ready = case.folder() / "ready"
    function = case.bare(init="import os\nif os.fork() == 0:\n    os.execv('/usr/bin/python3', ['python3', '-c', "
                              + repr(WAIT.format(ready=str(ready)) + CONNECT) + "])")
    case.wait_until("the worker to wait", ready.exists)
    case.freeze_and_thaw(function, seconds=1)


@rule.quiet("a request comes with the thaw")
def _(case):
    function = case.bare()
    case.freeze_and_thaw(function)
    function.ask()
    function.python("import socket\ntry:\n    socket.create_connection(('10.66.0.9', 443), 1)\nexcept OSError:\n    pass")
