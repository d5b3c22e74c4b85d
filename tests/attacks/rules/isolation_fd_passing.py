# SPDX-License-Identifier: Apache-2.0
"""Descriptors go to another sandbox."""
from cases import Rule

rule = Rule("isolation.fd_passing", severity="medium")

RECEIVE = ("import os, socket\nSERVER = socket.socket(socket.AF_UNIX)\nSERVER.bind({path!r})\nos.chmod({path!r}, 0o777)\n"
           "SERVER.listen()")
CONNECT = "import os, socket\nCLIENT = socket.socket(socket.AF_UNIX)\nCLIENT.connect({path!r})\n"
PASS = "socket.send_fds(CLIENT, [b'x'], [os.open('/etc/hostname', os.O_RDONLY)])"


def mounted(folder):
    return {"destination": "/shared", "type": "bind", "source": str(folder), "options": ["rbind", "rw"]}


def two(case):
    volume = mounted(case.folder())
    receiver = case.container(case.function + "-receiver", mounts=[volume])
    giver = case.container(mounts=[volume], files={"etc/hostname": b"function"})
    receiver.python(RECEIVE.format(path="/shared/s"))
    return receiver, giver


@rule.attack("by a socket in a shared volume")
def _(case):
    _, giver = two(case)
    case.act()
    giver.python(CONNECT.format(path="/shared/s") + PASS)


@rule.attack("from the one who listens to the one who connected")
def _(case):
    receiver, giver = two(case)
    giver.python(CONNECT.format(path="/shared/s"))
    case.act()
    receiver.python("import os, socket\nCLIENT, _ = SERVER.accept()\n"
                    "socket.send_fds(CLIENT, [b'x'], [os.open('/app/agent.py', os.O_RDONLY)])")


@rule.attack("sendmmsg, behind other control data")
def _(case):
    _, giver = two(case)
    case.act()
    giver.trigger("pass_descriptor_second", "/shared/s", check=True)
    giver.trigger("pass_descriptor_behind", "/shared/s", check=True)


@rule.quiet("within one sandbox")
def _(case):
    function = case.container(files={"etc/hostname": b"function"})
    function.python(RECEIVE.format(path="/tmp/s"))
    function.python(CONNECT.format(path="/tmp/s") + PASS)


@rule.quiet("bytes alone between two sandboxes")
def _(case):
    _, giver = two(case)
    giver.python(CONNECT.format(path="/shared/s") + "CLIENT.sendall(b'hello')")
