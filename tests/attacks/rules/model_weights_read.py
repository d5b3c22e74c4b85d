# SPDX-License-Identifier: Apache-2.0
"""A model file is read outside of the start."""
from cases import Rule
from stage import TRIGGER

rule = Rule("model.weights_read", severity="high",
            policy={"files": {"models": ["/models/**"]}, "rules": {"model.weights_read": {"action": "freeze"}}})

FILES = {"models/weights.bin": b"weights" * 100}


@rule.attack("by a child while warm")
def _(case):
    function = case.container(files=FILES)
    case.act()
    function.run(TRIGGER, "open_read", "/models/weights.bin")


@rule.attack("by cat while warm")
def _(case):
    function = case.container(files=FILES)
    case.act()
    function.run("/usr/bin/cat", "/models/weights.bin")


@rule.quiet("the server loads it when it starts")
def _(case):
    case.container(files=FILES, init="open('/models/weights.bin', 'rb').read()")


@rule.quiet("another file")
def _(case):
    case.container(files={**FILES, "data/labels.txt": b"cat\ndog\n"}).run("/usr/bin/cat", "/data/labels.txt", check=True)
