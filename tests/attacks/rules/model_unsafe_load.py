# SPDX-License-Identifier: Apache-2.0
"""Loading a model runs a program."""
import pickle

from cases import Rule

rule = Rule("model.unsafe_load", severity="critical", policy={"files": {"models": ["/models/**"]}})


class Payload:
    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        import os
        return os.system, (self.command,)


LOAD = "import pickle\nwith open('/models/m.pkl', 'rb') as model:\n    pickle.load(model)"


@rule.attack("a pickle that calls system(), before ready")
def _(case):
    case.act()
    case.container(files={"models/m.pkl": pickle.dumps(Payload("true"))}, init=LOAD)


@rule.attack("a pickle that starts a program by subprocess")
def _(case):
    case.act()
    case.container(files={"models/m.pkl": b"csubprocess\ncheck_output\n((lS'/usr/bin/date'\natR."}, init=LOAD)


@rule.quiet("a pickle of numbers")
def _(case):
    case.container(files={"models/m.pkl": pickle.dumps([1.0] * 1000)}, init=LOAD)


@rule.quiet("a compiler of models asks for its tools")
def _(case):
    case.container(files={"models/m.pkl": pickle.dumps([1.0])},
                   init=LOAD + "\nimport platform\nplatform.processor()\nimport ctypes.util\nctypes.util.find_library('m')")
