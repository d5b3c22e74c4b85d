# SPDX-License-Identifier: Apache-2.0
"""Before it is ready a function opens credentials of many kinds."""
from cases import Rule

rule = Rule("coldstart.secret_sweep", severity="high", policy={"files": {"secrets": ["/root/**", "/run/secrets/**"]}})

FILES = {f"root/{name}": b"secret" for name in (".aws/credentials", ".aws/config", ".ssh/id_rsa", ".kube/config",
                                                ".docker/config.json", ".netrc", ".npmrc")}
READ = "for name in {}:\n    open('/' + name).read()"


@rule.attack("by an import")
def _(case):
    case.act()
    case.container(files=FILES, init=READ.format(list(FILES)))


@rule.attack("by a child")
def _(case):
    case.act()
    case.container(files=FILES, init="import os\nif os.fork() == 0:\n    os.execv('/usr/bin/cat', ['cat'] + " +
                                     repr(["/" + name for name in FILES]) + ")\nos.wait()")


@rule.quiet("an SDK reads its own")
def _(case):
    case.container(files=FILES, init=READ.format(["root/.aws/credentials", "root/.aws/config"]))


@rule.quiet("declared secrets, however many")
def _(case):
    declared = {f"run/secrets/s{number}": b"secret" for number in range(8)}
    case.container(files=declared, init=READ.format(list(declared)))
