# SPDX-License-Identifier: Apache-2.0
"""A new file among the code while warm."""
from cases import Rule

rule = Rule("supply.code_drop", severity="high", policy={"files": {"code": ["/app/**"]}})


@rule.attack("a module written by the server")
def _(case):
    function = case.container()
    case.act()
    function.python("open('/app/evil.py', 'w').write('import os')")


@rule.attack("by a child")
def _(case):
    function = case.container()
    case.act()
    function.run("/usr/bin/cp", "/usr/bin/id", "/app/helper")


@rule.quiet("__pycache__, and a cache in /tmp")
def _(case):
    case.container().python("import os\nos.makedirs('/app/__pycache__', exist_ok=True)\n"
                            "open('/app/__pycache__/agent.cpython-311.pyc', 'wb').write(b'x')\nopen('/tmp/x', 'w').write('x')")


@rule.quiet("before ready")
def _(case):
    case.container(init="open('/app/generated.py', 'w').write('x = 1')")
