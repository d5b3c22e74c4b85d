# SPDX-License-Identifier: Apache-2.0
"""A pooled sandbox acts before it has a function."""
from cases import Rule

rule = Rule("coldstart.prewarm_activity", severity="high", policy={"ready": "first_response"})

# Listens as a pool's proxy does, and then acts although nobody asked. The attacks do not wait until it serves: the first
# connection would be its first request.
POOLED = "import os, socket\ns = socket.socket()\ns.bind(('0.0.0.0', int(os.environ['PORT'])))\ns.listen()\n"
CONNECT = "try:\n    socket.create_connection(('10.66.0.9', 443), 1)\nexcept OSError:\n    pass\n"
RUN = "if os.fork() == 0:\n    os.execv('/usr/bin/date', ['date'])\nos.wait()\n"
END = "s.close()\n"


@rule.attack("it connects")
def _(case):
    case.act()
    case.container(init=POOLED + CONNECT + END, ready=False)


@rule.attack("it runs a program")
def _(case):
    case.act()
    case.container(init=POOLED + RUN + END, ready=False)


@rule.quiet("its proxy starts, before it listens")
def _(case):
    case.container(init="import os, socket\n" + RUN + CONNECT)


@rule.quiet("it has its function")
def _(case):
    case.container().python("import os, socket\n" + RUN + CONNECT)
