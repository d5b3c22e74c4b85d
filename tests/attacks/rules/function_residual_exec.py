# SPDX-License-Identifier: Apache-2.0
"""A file that one request wrote is run in a later one."""
from cases import Rule

rule = Rule("function.residual_exec", severity="high")

# A request that takes longer than the 10 ms within which two requests are counted as one.
DROP = "import os, shutil, time\nshutil.copy('/app/trigger', {0!r})\nos.chmod({0!r}, 0o755)\ntime.sleep(0.05)"


@rule.attack("in /tmp")
def _(case):
    function = case.container()
    function.python(DROP.format("/tmp/tool"))
    case.act()
    function.run("/tmp/tool", "nothing")


@rule.attack("in the writable layer, by the serving process's fork")
def _(case):
    function = case.container()
    function.python(DROP.format("/app/tool"))
    case.act()
    function.python("import os\nif os.fork() == 0:\n    os.execv('/app/tool', ['tool', 'nothing'])\nos.wait()")


@rule.attack("with its times set back")
def _(case):
    function = case.container()
    function.python("import os\n" + DROP.format("/tmp/tool").replace("time.sleep", "os.utime('/tmp/tool', (1, 1))\ntime.sleep"))
    case.act()
    function.run("/tmp/tool", "nothing")


@rule.quiet("a tool that was unpacked in init")
def _(case):
    case.container(init=DROP.format("/tmp/tool")).run("/tmp/tool", "nothing", check=True)


@rule.quiet("a tool of the image")
def _(case):
    case.container().run("/app/trigger", "nothing", check=True)
