# SPDX-License-Identifier: Apache-2.0
"""A cloud's or cluster's command line tool is run while warm."""
from cases import Rule
from stage import PYTHON

rule = Rule("identity.cloud_cli", severity="medium")

# Tools by their names; what they would do there is not needed.
FILES = {"opt/tools/aws": "#!/usr/bin/python3\n", "opt/tools/kubectl.sh": "", "opt/lib/awscli/__main__.py": ""}


@rule.attack("a script")
def _(case):
    function = case.container(files={"opt/tools/aws": "#!/usr/bin/python3\nprint('x')\n"})
    case.act()
    function.run("/opt/tools/aws", "sts", "get-caller-identity")


@rule.attack("a module")
def _(case):
    function = case.container(files=FILES, environment={"PYTHONPATH": "/opt/lib"})
    case.act()
    function.run(PYTHON, "-m", "awscli", "sts")


@rule.attack("a program")
def _(case):
    function = case.container()
    function.python("import shutil\nshutil.copy('/app/trigger', '/tmp/kubectl')")
    case.act()
    function.run("/tmp/kubectl", "nothing")


@rule.quiet("the cloud's library in the function")
def _(case):
    case.container(files=FILES, environment={"PYTHONPATH": "/opt/lib"}).python("import awscli")


@rule.quiet("the operator's kubectl, from outside")
def _(case):
    function = case.container(files={"opt/tools/aws": "#!/usr/bin/python3\n"})
    function.runc("exec", function.name, "/usr/bin/env", "python3", "/opt/tools/aws")
