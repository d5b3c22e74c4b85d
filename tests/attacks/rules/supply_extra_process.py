# SPDX-License-Identifier: Apache-2.0
"""A long-lived program beside the server that the function's other sandboxes never had."""
from cases import Rule

rule = Rule("supply.extra_process", severity="medium", policy={"rules": {"supply.extra_process": {"action": "alert"}}})

BESIDE = "import os\nif os.fork() == 0:\n    os.execv({0!r}, [{0!r}, 'hold' if 'trigger' in {0!r} else '60'])"


def sandboxes(case, count, program=None):
    """So many of the function, looked at ten seconds after each is ready."""
    started = [case.bare(init=BESIDE.format(program) if program else "") for _ in range(count)]
    case.outlive(started[-1], 12)


@rule.attack("a program that it starts in init", limit=30, slow=True)
def _(case):
    sandboxes(case, 5)
    case.act()
    case.bare(init=BESIDE.format("/usr/bin/sleep"))


@rule.attack("the same program under a path of its own", limit=30, slow=True)
def _(case):
    sandboxes(case, 5, "/usr/bin/sleep")
    copy = case.folder() / "sleep"
    copy.write_bytes(open("/usr/bin/sleep", "rb").read())
    copy.chmod(0o755)
    case.act()
    case.bare(init=BESIDE.format(str(copy)))


@rule.quiet("what all sandboxes have", linger=True, slow=True)
def _(case):
    sandboxes(case, 6, "/usr/bin/sleep")
