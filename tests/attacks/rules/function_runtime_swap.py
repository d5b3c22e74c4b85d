# SPDX-License-Identifier: Apache-2.0
"""Another program takes the serving process's place."""
from cases import Rule
from stage import PYTHON

rule = Rule("function.runtime_swap", severity="critical")

LISTEN = ("import socket, time\ns = socket.socket()\ns.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n"
          "s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)\ns.bind(('0.0.0.0', {port}))\ns.listen()\ntime.sleep(30)")


@rule.attack("another process listens on the port, once the server let go of it")
def _(case):
    function = case.container()
    case.act()
    function.python("import os, gc, socket\n"
                    "for fd in os.listdir('/proc/self/fd'):\n"
                    "    try:\n"
                    "        s = socket.socket(fileno=os.dup(int(fd)))\n"
                    "        listening = s.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)\n"
                    "        s.close()\n"
                    "    except OSError:\n        continue\n"
                    "    if listening:\n        os.close(int(fd))\n"
                    "if os.fork() == 0:\n"
                    f"    os.execv('/usr/bin/python3', ['python3', '-c', {LISTEN.format(port=function.port)!r}])\n"
                    "import time\ntime.sleep(1)")  # the agent ends when it comes back to its closed socket


@rule.attack("the serving process becomes another program")
def _(case):
    function = case.container()
    case.act()
    try:
        function.python("import os\nos.execv('/app/trigger', ['python3', 'hold'])", limit=2)
    except OSError:
        pass  # nobody is left to answer


@rule.quiet("a second port of the function's own")
def _(case):
    function = case.container()
    function.start(PYTHON, "-c", LISTEN.format(port=function.port + 5000))


@rule.quiet("workers that share the port from before ready")
def _(case):
    case.container(workers=2).ask()
