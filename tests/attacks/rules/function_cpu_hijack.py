# SPDX-License-Identifier: Apache-2.0
"""A sandbox computes for somebody else, while it serves nobody.

The loops are no miners: they keep a connection to a pool of the case's own, and count. They begin by themselves, as what a
poisoned package leaves behind does, for a request would count as being served for five minutes.
"""
from cases import Rule
from stage import PYTHON

rule = Rule("function.cpu_hijack", severity="medium")

# From 1 s after it was ready: long enough for the daemon to have seen that.
LATER = "import time\ntime.sleep({delay})\n"
POOL = "import socket\npool = socket.create_connection(('10.66.0.9', {port}), 5)\n"
BURN = "while True:\n    pass\n"


def in_thread(code):
    return f"import threading\nthreading.Thread(target=exec, args=({code!r}, {{}}), daemon=True).start()"


def in_child(code, program=PYTHON):
    return f"import os\nif os.fork() == 0:\n    exec({LATER.format(delay=2)!r})\n    os.execv({program!r}, [{program!r}, '-c', {code!r}])"


def idle(case, init, **options):
    """A function that is ready and was asked nothing."""
    function = case.bare(init=init, ready=False, **options)
    if not case.stage.wait_for_event(function.cgroup, "sandbox_ready"):
        raise AssertionError("it did not become ready")
    case.act()
    return function


@rule.attack("a thread with a connection to a pool", limit=80, slow=True)
def _(case):
    idle(case, in_thread(LATER.format(delay=2) + POOL.format(port=case.listener()) + BURN))


@rule.attack("a child that was started while warm", limit=80, slow=True)
def _(case):
    idle(case, in_child(BURN))


@rule.attack("a program in a memfd that the first program starts", limit=80, slow=True)
def _(case):
    code = (f"import os\nfd = os.memfd_create('x', 0)\nos.write(fd, open({PYTHON!r}, 'rb').read())\n"
            f"if os.fork() == 0:\n    exec({LATER.format(delay=2)!r})\n    os.execve(fd, ['x', '-c', {BURN!r}], os.environ)")
    idle(case, code)


@rule.quiet("inference that takes long", slow=True)
def _(case):
    function = case.bare()
    function.python(POOL.format(port=case.listener()))
    function.python("import time\nend = time.monotonic() + 28\nwhile time.monotonic() < end:\n    pass", limit=60)


@rule.quiet("a long init", slow=True)
def _(case):
    case.bare(init=POOL.format(port=case.listener())
              + "import time\nend = time.monotonic() + 26\nwhile time.monotonic() < end:\n    pass")
