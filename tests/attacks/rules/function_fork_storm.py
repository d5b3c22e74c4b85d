# SPDX-License-Identifier: Apache-2.0
"""Processes are started far faster than ever before."""
from cases import Rule

rule = Rule("function.fork_storm", severity="high")


@rule.attack("by the serving process")
def _(case):
    function = case.bare()
    case.act()
    function.python("import os\nfor _ in range(400):\n    if os.fork() == 0:\n        os._exit(0)\n"
                    "for _ in range(400):\n    os.wait()", limit=60)


@rule.attack("by a child that forks on and on")
def _(case):
    function = case.bare()
    case.act()
    function.trigger("fork-burst", "500")


@rule.quiet("a pool of workers")
def _(case):
    case.bare().python("import os\nfor _ in range(16):\n    if os.fork() == 0:\n        os._exit(0)\nfor _ in range(16):\n    os.wait()")


@rule.quiet("many threads")
def _(case):
    case.bare().python("import threading\nthreads = [threading.Thread(target=len, args=('',)) for _ in range(400)]\n"
                       "for thread in threads:\n    thread.start()\nfor thread in threads:\n    thread.join()")
