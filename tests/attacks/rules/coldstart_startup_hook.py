# SPDX-License-Identifier: Apache-2.0
"""What Python runs before the program acts on the outside."""
from cases import Rule

rule = Rule("coldstart.startup_hook", severity="high")

CONTACT = "import socket\ntry:\n    socket.create_connection(('10.66.0.9', 8701), 1)\nexcept OSError:\n    pass\n"
PROGRAM = "import subprocess\nsubprocess.run(['/usr/bin/id'], capture_output=True)\n"


def install(name, code):
    """Writes the hook into the user's site folder, as an installed package would, and starts the interpreter anew."""
    return (f"import os, site\nfolder = site.getusersitepackages()\npath = folder + '/{name}'\n"
            f"if not os.path.exists(path):\n    os.makedirs(folder)\n    open(path, 'w').write({code!r})\n"
            "    os.execv('/usr/bin/python3', ['python3', '/app/agent.py'])\n")


@rule.attack("a .pth file makes a contact")
def _(case):
    case.act()
    case.container(init=install("zz.pth", f"import socket; exec({CONTACT!r})\n"))


@rule.attack("sitecustomize runs a program")
def _(case):
    case.act()
    case.container(init=install("sitecustomize.py", PROGRAM))


@rule.attack("usercustomize in the writable layer")
def _(case):
    case.act()
    case.container(init=install("usercustomize.py", CONTACT), environment={"PYTHONUSERBASE": "/app/user"})


@rule.quiet("a hook of the image does the same")
def _(case):
    case.container(files={"app/site/sitecustomize.py": CONTACT + PROGRAM}, environment={"PYTHONPATH": "/app/site"})


@rule.quiet("hooks after which nothing follows")
def _(case):
    case.container(init=install("distutils-precedence.pth", "import os\n"))
