# SPDX-License-Identifier: Apache-2.0
"""A service account's token is read by another program than the server."""
from cases import Rule

rule = Rule("identity.token_read", severity="high", policy={"files": {"secrets": ["/run/secrets/**"]}})

FILES = {"run/secrets/kubernetes.io/serviceaccount/token": b"ey.ab.cd"}
TOKEN = "/run/secrets/kubernetes.io/serviceaccount/token"


@rule.attack("cat")
def _(case):
    function = case.container(files=FILES)
    case.act()
    function.run("/usr/bin/cat", TOKEN)


@rule.attack("a shell's redirection, by a symbolic link")
def _(case):
    function = case.container(files=FILES)
    function.python(f"import os\nos.symlink({TOKEN!r}, '/tmp/t')")
    case.act()
    function.run("/usr/bin/sh", "-c", "read x < /tmp/t; echo $x")


@rule.attack("by io_uring or openat2 of another program")
def _(case):
    function = case.container(files=FILES)
    case.act()
    function.trigger("open_read", TOKEN)


@rule.quiet("the server reads it again")
def _(case):
    case.container(files=FILES, init=f"open({TOKEN!r}).read()").python(f"open({TOKEN!r}).read()")
