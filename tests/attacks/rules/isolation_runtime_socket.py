# SPDX-License-Identifier: Apache-2.0
"""A function connects to a container runtime's socket."""
import contextlib
import socket

from cases import Rule

rule = Rule("isolation.runtime_socket", severity="critical")

CONNECT = ("import socket\ns = socket.socket(socket.AF_UNIX)\ntry:\n    s.connect({!r})\nexcept OSError as error:\n    result = str(error)")


def host_socket(case, name):
    """A socket of the host under this name; who listens there does not matter."""
    path = case.folder() / name
    listener = case.enter(contextlib.closing(socket.socket(socket.AF_UNIX)))
    listener.bind(str(path))
    listener.listen()
    return path


def mounted(path, target):
    return {"destination": target, "type": "bind", "source": str(path), "options": ["bind", "rw"]}


@rule.attack("docker.sock mounted into a container")
def _(case):
    path = host_socket(case, "docker.sock")
    function = case.container(mounts=[mounted(path, "/var/run/docker.sock")], files={"var/run/docker.sock": b""})
    case.act()
    function.python(CONNECT.format("/var/run/docker.sock"))


@rule.attack("containerd.sock mounted under another name")
def _(case):
    path = host_socket(case, "containerd.sock")
    function = case.container(mounts=[mounted(path, "/tools/helper")], files={"tools/helper": b""})
    case.act()
    function.python(CONNECT.format("/tools/helper"))


@rule.attack("by io_uring")
def _(case):
    path = host_socket(case, "crio.sock")
    function = case.bare()
    case.act()
    function.trigger("unix-uring-connect", str(path))


@rule.attack("an attempt where there is none")
def _(case):
    function = case.container()
    case.act()
    function.python(CONNECT.format("/var/run/docker.sock"))


@rule.quiet("another socket of the host")
def _(case):
    path = host_socket(case, "app.sock")
    case.bare().python(CONNECT.format(str(path)))


@rule.quiet("a socket of its own")
def _(case):
    case.container().python("import socket, os\ns = socket.socket(socket.AF_UNIX)\ns.bind('/tmp/docker.sock')\ns.listen()\n"
                            "c = socket.socket(socket.AF_UNIX)\nc.connect('/tmp/docker.sock')")
