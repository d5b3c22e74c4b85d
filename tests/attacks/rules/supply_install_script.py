# SPDX-License-Identifier: Apache-2.0
"""What a package manager starts under a function talks to the network."""
from cases import Rule

rule = Rule("supply.install_script", severity="medium",
            policy={"egress": {"init": [{"cidr": "10.66.0.9/32", "ports": [443]}], "warm": [{"cidr": "10.66.0.9/32", "ports": [443]}]}})

CONNECT = "import socket\ns = socket.socket()\ns.settimeout(1)\ns.connect_ex(('10.66.0.9', {}))\ns.close()\n"
# A package manager as far as it matters here: its name, and that it starts what a package brings along.
PIP = {"opt/tools/pip": "import os\nif os.fork() == 0:\n    os.execv('/usr/bin/python3', ['python3', '/opt/tools/hook.py'])\nos.wait()\n"}


def installs(port):
    return {**PIP, "opt/tools/hook.py": CONNECT.format(port)}


@rule.attack("a package's script, while warm")
def _(case):
    function = case.container(files=installs(4444))
    case.act()
    function.run("/usr/bin/python3", "/opt/tools/pip", "install", "evil")


@rule.attack("a package's script, before ready")
def _(case):
    case.act()
    case.container(files=installs(4444), init="import os\nif os.fork() == 0:\n"
                   "    os.execv('/usr/bin/python3', ['python3', '/opt/tools/pip', 'install', 'x'])\nos.wait()")


@rule.quiet("the listed registry", allowed=("function.package_install",))
def _(case):
    case.container(files=installs(443)).run("/usr/bin/python3", "/opt/tools/pip", "install", "good")


@rule.quiet("the server itself talks")
def _(case):
    case.container().python(CONNECT.format(443))
