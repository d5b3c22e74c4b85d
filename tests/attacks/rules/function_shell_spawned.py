# SPDX-License-Identifier: Apache-2.0
"""A function that serves starts a shell, or a tool to look around."""
from cases import Rule

rule = Rule("function.shell_spawned", severity="high")


def run_it(*argv):
    def attack(case):
        function = case.container()
        case.act()
        function.run(*argv)

    return attack


rule.attack("sh -c, as system() does it")(run_it("/usr/bin/sh", "-c", "true"))
rule.attack("bash")(run_it("/usr/bin/bash", "-c", "true"))
rule.attack("id")(run_it("/usr/bin/id"))


@rule.attack("os.system in the serving process")
def _(case):
    function = case.container()
    case.act()
    function.python("import os\nos.system('true')")


@rule.attack("a script that was dropped")
def _(case):
    function = case.container()
    function.python("import os\nopen('/tmp/x', 'w').write('#!/bin/sh\\ntrue\\n')\nos.chmod('/tmp/x', 0o755)")
    case.act()
    function.run("/tmp/x")


@rule.quiet("ctypes and platform of Python look for libraries")
def _(case):
    case.container().python("import ctypes.util, platform\nctypes.util.find_library('m')\nplatform.processor()\nplatform.platform()")


@rule.quiet("a child that is no shell")
def _(case):
    case.container().run("/usr/bin/date", check=True)


@rule.quiet("a probe that is a shell")
def _(case):
    function = case.container()
    function.runc("exec", function.name, "/usr/bin/sh", "-c", "true")
