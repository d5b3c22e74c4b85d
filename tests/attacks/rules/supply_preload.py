# SPDX-License-Identifier: Apache-2.0
"""A library is put before a program's own."""
from cases import Rule

rule = Rule("supply.preload", severity="high", policy={"exec": {"warm": ["/**"]}})

LIBRARY = "import glob, os, shutil\nLIBRARY = glob.glob('/usr/lib/*/libm.so.6')[0]\n"
COPY = LIBRARY + "shutil.copy(LIBRARY, {path!r})\n"
RUN = "os.waitpid(os.posix_spawn('/usr/bin/true', ['true'], {environment}), 0)\n"


@rule.attack("LD_PRELOAD of a library in /tmp")
def _(case):
    function = case.container()
    case.act()
    function.python(COPY.format(path="/tmp/hook.so") + RUN.format(environment="{'LD_PRELOAD': '/tmp/hook.so'}"))


@rule.attack("LD_AUDIT of one in the writable layer")
def _(case):
    function = case.container()
    case.act()
    function.python(COPY.format(path="/app/hook.so") + RUN.format(environment="{'LD_AUDIT': '/app/hook.so'}"))


@rule.attack("/etc/ld.so.preload")
def _(case):
    function = case.container()
    case.act()
    function.python(COPY.format(path="/tmp/hook.so") + "open('/etc/ld.so.preload', 'w').write('/tmp/hook.so')\n"
                    + RUN.format(environment="{}"))


@rule.attack("before ready")
def _(case):
    case.act()
    case.container(init=COPY.format(path="/tmp/hook.so") + RUN.format(environment="{'LD_PRELOAD': '/tmp/hook.so'}"))


@rule.quiet("an allocator of the image")
def _(case):
    case.container().python(LIBRARY + RUN.format(environment="{'LD_PRELOAD': LIBRARY}"))
