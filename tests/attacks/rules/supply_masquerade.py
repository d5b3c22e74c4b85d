# SPDX-License-Identifier: Apache-2.0
"""A program runs under the name of a language's runtime, and is another file."""
from cases import Rule

rule = Rule("supply.masquerade", severity="high")


@rule.attack("another file that calls itself python3")
def _(case):
    function = case.container()
    function.python("import shutil\nshutil.copy('/app/trigger', '/app/worker')")
    case.act()
    function.python("import os\nif os.fork() == 0:\n    os.execv('/app/worker', ['python3', 'nothing'])\nos.wait()")


@rule.attack("a file named node in /tmp")
def _(case):
    function = case.container()
    function.python("import shutil\nshutil.copy('/app/trigger', '/tmp/node')")
    case.act()
    function.run("/tmp/node", "nothing")


@rule.attack("a java in the writable layer")
def _(case):
    function = case.container()
    function.python("import os, shutil\nos.makedirs('/opt/jre/bin')\nshutil.copy('/app/trigger', '/opt/jre/bin/java')")
    case.act()
    function.run("/opt/jre/bin/java", "nothing")


@rule.attack("one that calls itself a thread of the kernel's")
def _(case):
    function = case.container()
    case.act()
    function.python("import os\nif os.fork() == 0:\n    os.execv('/app/trigger', ['[kworker/0:1]', 'nothing'])\nos.wait()")


@rule.quiet("the shell's [ ... ]")
def _(case):
    case.container().run("/usr/bin/[", "-f", "/app/agent.py", "]", check=True)


@rule.quiet("a virtual environment's link")
def _(case):
    case.container(init="import os\nos.makedirs('/venv/bin')\nos.symlink('/usr/bin/python3', '/venv/bin/python')").run(
        "/venv/bin/python", "-c", "pass", check=True)


@rule.quiet("a script with a shebang")
def _(case):
    case.container(files={"app/tool.py": "#!/usr/bin/env python3\n"}).python(
        "import os\nif os.fork() == 0:\n    os.execv('/usr/bin/python3', ['python3', '/app/tool.py'])\nos.wait()")
