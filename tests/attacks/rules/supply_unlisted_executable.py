# SPDX-License-Identifier: Apache-2.0
"""What runs is not in the manifest."""
from cases import Rule

rule = Rule("supply.unlisted_executable", severity="high", policy={
    "exec": {"warm": ["/**"]},
    "files": {"executables": ["/usr/bin/python3*", "/bin/busybox", "/usr/bin/date", "/opt/tool"]}})


@rule.attack("a program of the image that was not listed")
def _(case):
    function = case.container()
    case.act()
    function.run("/usr/bin/sort", "/app/agent.py")


@rule.attack("as the workload's first program")
def _(case):
    case.act()
    case.container(command=["/usr/bin/env", "/usr/bin/python3", "/app/agent.py"])


@rule.attack("another file at a listed path")
def _(case):
    function = case.container(files={"opt/tool": b"#!/usr/bin/python3\n"})
    function.python("import os, shutil\nshutil.copy('/usr/bin/sort', '/opt/new')\nos.rename('/opt/new', '/opt/tool')")
    case.act()
    function.run("/opt/tool", "/app/agent.py")


@rule.quiet("busybox under the names of its applets, and listed programs")
def _(case):
    function = case.container()
    function.run("/usr/bin/busybox", "true")
    function.run("/usr/bin/date")


@rule.quiet("a probe")
def _(case):
    function = case.container()
    function.runc("exec", function.name, "/usr/bin/sort", "/app/agent.py")
