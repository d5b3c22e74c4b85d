# SPDX-License-Identifier: Apache-2.0
"""How a rule's file says its cases: a `Rule`, its attacks and its look-alikes.

    rule = Rule("isolation.memory_read", severity="critical")

    @rule.attack("process_vm_readv")
    def _(case):
        victim, attacker = case.bare("victim"), case.bare()
        case.act()
        attacker.trigger("vmread", victim.pid(), victim.secret())

An attack passes if an alert of the rule, with this severity, about one of the case's sandboxes comes; a look-alike if none
of its sandboxes has an alert above low when all was told. A rule's `policy` holds for the functions of all of its cases, each
of which has one of its own: what is learned of a function in one case does not reach the next.
"""
import dataclasses
import importlib.util
import pathlib
import subprocess
import sys
from collections.abc import Callable

RULES = pathlib.Path(__file__).resolve().parent.parent / "attacks" / "rules"


@dataclasses.dataclass
class Road:
    name: str
    act: Callable
    attack: bool
    severity: str = ""
    limit: float = 15.0    # s, for the alert to come
    linger: bool = False   # the rule looks at the clock: the sandboxes stay until two ticks went by
    miss: str = ""         # why this one is known not to be caught; it counts as a miss all the same
    allowed: tuple = ()    # rules whose alerts are part of a look-alike that is told as what it is
    slow: bool = False     # half a minute and more: not with --brief
    needs: Callable | None = None  # what this machine lacks for it ("the kernel has no modules"), or nothing


@dataclasses.dataclass
class Rule:
    name: str
    severity: str
    policy: dict | None = None     # of the functions that the cases are by default
    roads: list = dataclasses.field(default_factory=list)

    @property
    def function(self):
        return self.name.replace(".", "-").replace("_", "-")

    @property
    def category(self):
        family = self.name.split(".")[0]
        return {"coldstart": "function", "isolation": "infrastructure", "supply": "supply-chain"}.get(family, family)

    def attack(self, name, **options):
        options.setdefault("severity", self.severity)

        def add(act):
            self.roads.append(Road(name, act, attack=True, **options))
            return act

        return add

    def quiet(self, name, **options):
        def add(act):
            self.roads.append(Road(name, act, attack=False, **options))
            return act

        return add

    def policies(self):
        """File name → text of the policy that its function needs, if any."""
        if self.policy is None:
            return {}
        import json
        whole = {"version": 1, "name": self.function, "extends": "default",
                 "match": {"tenant": "eval", "function": self.function + "-*"}, **self.policy}
        return {f"{self.function}.yaml": json.dumps(whole, indent=1)}  # JSON is YAML


def kernel_file(path):
    """For `needs`: the kernel has this file of procfs or sysfs."""
    return lambda: "" if pathlib.Path(path).exists() else f"this kernel has no {path}"


def compat_entry():
    """For `needs`: system calls by the 32-bit entry (int 0x80) work; a confidential virtual machine turns them off."""
    getpid = b"\xb8\x14\x00\x00\x00\xcd\x80\xc3"  # mov $20, %eax; int $0x80; ret
    call = ("import ctypes, mmap\ncode = mmap.mmap(-1, 4096, prot=7)\n"
            f"code.write({getpid!r})\nctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()")
    done = subprocess.run([sys.executable, "-c", call], capture_output=True)
    return "" if done.returncode == 0 else "system calls by the 32-bit entry are turned off here"


def load(pattern="*"):
    """The rules of all files, in the order of their names."""
    rules = []
    for path in sorted(RULES.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"rules.{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        if pathlib.PurePath(module.rule.name).match(pattern):
            rules.append(module.rule)
    return rules
