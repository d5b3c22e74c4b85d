# SPDX-License-Identifier: Apache-2.0
"""Many secrets are opened while warm."""
from cases import Rule

rule = Rule("identity.secret_sweep", severity="high", policy={"files": {"secrets": ["/run/secrets/**"]}})

FILES = {f"run/secrets/s{number}": b"secret" for number in range(8)}
READ_ALL = "import glob\nfor name in sorted(glob.glob('/run/secrets/*'))[:{}]:\n    open(name).read()"


@rule.attack("by the server")
def _(case):
    function = case.container(files=FILES)
    case.act()
    function.python(READ_ALL.format(8))


@rule.attack("by a child")
def _(case):
    function = case.container(files=FILES)
    case.act()
    function.run("/usr/bin/cat", *[f"/{name}" for name in FILES])


@rule.quiet("those that it read when it started")
def _(case):
    case.container(files=FILES, init=READ_ALL.format(8)).python(READ_ALL.format(8))


@rule.quiet("two of them with the first request")
def _(case):
    case.container(files=FILES).python(READ_ALL.format(2))
