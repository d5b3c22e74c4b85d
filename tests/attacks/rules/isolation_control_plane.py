# SPDX-License-Identifier: Apache-2.0
"""A function turns to what runs the node or the cluster."""
from cases import Rule

rule = Rule("isolation.control_plane", severity="high",
            policy={"egress": {"warm": [{"cidr": "10.66.0.9/32", "ports": [443, 2379]}]}})

CONNECT = "import socket\ntry:\n    socket.create_connection(({!r}, {}), 1).close()\nexcept OSError:\n    pass"


def connect(address, port):
    def attack(case):
        function = case.container()
        case.act()
        function.python(CONNECT.format(address, port))

    return attack


rule.attack("the kubelet")(connect("10.66.0.9", 10250))
rule.attack("the Kubernetes API")(connect("10.66.0.9", 6443))
rule.attack("a container engine on loopback")(connect("127.0.0.1", 2375))


@rule.attack("the kubelet, by io_uring")
def _(case):
    function = case.bare()
    case.act()
    function.trigger("egress-uring-connect", "10.66.0.9", "10250")


@rule.attack("the API's name is asked for")
def _(case):
    function = case.bare()
    case.act()
    function.trigger("egress-dns-udp", "10.66.0.9", "53", "kubernetes.default.svc.cluster.local", "sendto")


@rule.quiet("a listed etcd")
def _(case):
    case.container().python(CONNECT.format("10.66.0.9", 2379))


@rule.quiet("HTTPS to a listed backend")
def _(case):
    case.container().python(CONNECT.format("10.66.0.9", 443))
