# SPDX-License-Identifier: Apache-2.0
"""Importing a package does something."""
from cases import Rule

rule = Rule("supply.import_payload", severity="high",
            policy={"egress": {"init": [{"cidr": "10.66.0.9/32", "ports": [8702]}], "warm": [{"cidr": "0.0.0.0/0"}]}})


def connects(port):
    return f"import socket\ntry:\n    socket.create_connection(('10.66.0.9', {port}), 1)\nexcept OSError:\n    pass\n"


def imports(case, code, init="import payload, harmless", **more):
    case.act()
    return case.container(init=init, environment={"PYTHONPATH": "/app/site-packages"}, files={
        "app/site-packages/payload/__init__.py": code, "app/site-packages/harmless/__init__.py": "", **more})


@rule.attack("runs a program")
def _(case):
    imports(case, "import os\nos.system('id > /dev/null')\n")


@rule.attack("runs an interpreter that is left behind")
def _(case):
    imports(case, "import subprocess\nsubprocess.Popen(['/usr/bin/python3', '-c', 'pass'], start_new_session=True)\n")


@rule.attack("makes a contact")
def _(case):
    imports(case, connects(8703))


@rule.attack("in a thread of a package within another")
def _(case):
    imports(case, "from . import inner\n", **{
        "app/site-packages/payload/inner/__init__.py":
            "import os, threading\nworker = threading.Thread(target=os.system, args=('id > /dev/null',))\nworker.start()\n"
            "worker.join()\n"})


@rule.quiet("asks about the machine, and declared telemetry")
def _(case):
    imports(case, "import subprocess\nsubprocess.run(['/usr/bin/uname', '-m'], capture_output=True)\n" + connects(8702))


@rule.quiet("the function itself runs a program when its imports are done")
def _(case):
    imports(case, "", init="import payload, harmless, subprocess\nsubprocess.run(['/usr/bin/date'], capture_output=True)")
