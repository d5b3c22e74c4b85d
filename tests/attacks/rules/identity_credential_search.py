# SPDX-License-Identifier: Apache-2.0
"""Files are searched for credentials while warm."""
from cases import Rule

rule = Rule("identity.credential_search", severity="medium")


def search(*argv):
    def attack(case):
        function = case.container(files={"root/.aws/credentials": "[default]\n"})
        case.act()
        function.run(*argv)

    return attack


rule.attack("grep for passwords")(search("/usr/bin/grep", "-ri", "password", "/root"))
rule.attack("find keys")(search("/usr/bin/find", "/root", "-name", "id_rsa"))
rule.attack("cat a known file")(search("/usr/bin/cat", "/root/.aws/credentials"))
rule.attack("tar of a known folder")(search("/usr/bin/tar", "c", "/root/.aws"))


@rule.quiet("grep in a log")
def _(case):
    case.container().run("/usr/bin/grep", "-c", "error", "/app/agent.py")


@rule.quiet("find what is old in a cache")
def _(case):
    case.container().run("/usr/bin/find", "/tmp", "-mtime", "+1")
