# SPDX-License-Identifier: Apache-2.0
"""What an earlier invocation left in a file is read by a later one's program."""
from cases import Rule
from lab import wait_until

rule = Rule("isolation.residual_read", severity="medium", policy={"exec": {"warm": ["/**"]}})


def leave(case, function, path="/tmp/upload"):
    function.run("/usr/bin/cp", "/app/agent.py", path, check=True)
    next_invocation(case, function)


def next_invocation(case, function):
    """Asks until the daemon knows of another invocation: of many within a second it is told of the first."""
    before = case.stage.daemon.sandbox(function)["invocations"]

    def begun():
        function.ask()
        return case.stage.daemon.sandbox(function)["invocations"] > before

    wait_until("another invocation to be told", begun)


@rule.attack("cat")
def _(case):
    function = case.container()
    leave(case, function)
    case.act()
    function.run("/usr/bin/cat", "/tmp/upload", check=True)


@rule.attack("in the writable layer")
def _(case):
    function = case.container()
    leave(case, function, "/app/left")
    case.act()
    function.trigger("open_read", "/app/left", check=True)


@rule.attack("what the server itself wrote for an earlier caller")
def _(case):
    function = case.container()
    function.python("open('/tmp/upload', 'w').write('private')")
    next_invocation(case, function)
    case.act()
    function.run("/usr/bin/cat", "/tmp/upload")


@rule.quiet("the server reads what its child made, and its own cache")
def _(case):
    function = case.container()
    leave(case, function)
    function.python("open('/tmp/upload').read()")
    function.python("open('/tmp/kept', 'w').write('x')")
    next_invocation(case, function)
    function.python("open('/tmp/kept').read()")


@rule.quiet("a converter reads what the server keeps")
def _(case):
    function = case.container()
    function.python("open('/tmp/kept', 'w').write('x')")
    next_invocation(case, function)
    function.run("/usr/bin/sort", "/tmp/kept", check=True)


@rule.quiet("one invocation's programs pass files on")
def _(case):
    case.container().python("import subprocess\nsubprocess.run(['/usr/bin/cp', '/app/agent.py', '/tmp/step'], check=True)\n"
                            "subprocess.run(['/usr/bin/cat', '/tmp/step'], check=True, capture_output=True)")


@rule.quiet("made before ready, read later")
def _(case):
    made = "import subprocess\nsubprocess.run(['/usr/bin/cp', '/app/agent.py', '/tmp/table'], check=True)"
    case.container(init=made).run("/usr/bin/cat", "/tmp/table", check=True)
