# SPDX-License-Identifier: Apache-2.0
"""Software is installed while warm."""
from cases import Rule
from stage import PYTHON

rule = Rule("function.package_install", severity="medium")

# The package manager's own code is not needed to start it.
PIP = {"opt/tools/pip": "#!/usr/bin/python3\n", "opt/tools/npm": "#!/usr/bin/python3\n", "opt/lib/pip/__main__.py": ""}


@rule.attack("pip install")
def _(case):
    function = case.container(files=PIP)
    case.act()
    function.run(PYTHON, "/opt/tools/pip", "install", "evil")


@rule.attack("python3 -m pip install")
def _(case):
    function = case.container(files=PIP, environment={"PYTHONPATH": "/opt/lib"})
    case.act()
    function.run(PYTHON, "-m", "pip", "install", "evil")


@rule.attack("apt-get install")
def _(case):
    function = case.container()
    case.act()
    function.run("/usr/bin/apt-get", "-y", "install", "nmap")


@rule.quiet("pip list")
def _(case):
    case.container(files=PIP).run(PYTHON, "/opt/tools/pip", "list")


@rule.quiet("an install before ready")
def _(case):
    case.container(files=PIP, init="import os\nif os.fork() == 0:\n"
                                   "    os.execv('/usr/bin/python3', ['python3', '/opt/tools/pip', 'install', 'x'])\nos.wait()")
