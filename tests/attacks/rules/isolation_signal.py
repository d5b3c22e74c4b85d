# SPDX-License-Identifier: Apache-2.0
"""A signal crosses a sandbox's boundary."""
from cases import Rule, compat_entry

rule = Rule("isolation.signal", severity="high")


def send_by(act):
    def attack(case):
        victim, attacker = case.bare("victim"), case.bare()
        case.act()
        attacker.trigger(act, victim.pid(), 18)  # SIGCONT

    return attack


for name, act in {"kill": "kill", "tgkill": "kill_thread", "pidfd_send_signal": "kill_pidfd", "by the 32-bit entry": "kill_32",
                  "with the code of a timer": "kill_as_timer"}.items():
    rule.attack(name, needs=compat_entry if act.endswith("_32") else None)(send_by(act))


@rule.attack("to a process of the host")
def _(case):
    attacker, host = case.bare(), case.host_process()
    case.act()
    attacker.trigger("kill", host, 18)


@rule.quiet("a server and its own workers")
def _(case):
    case.bare().python("import os, signal\nchild = os.fork()\nif child == 0:\n    signal.pause()\nos.kill(child, 15)\nos.wait()")


@rule.quiet("a container ends: SIGCHLD to its shim")
def _(case):
    case.container().run("/usr/bin/true")


@rule.quiet("the host signals a function")
def _(case):
    function = case.bare()
    case.on_host("/usr/bin/kill", "-CONT", function.pid())
