# SPDX-License-Identifier: Apache-2.0
"""Sandboxes of one function appear faster than its policy says."""
from cases import Rule

rule = Rule("coldstart.storm", severity="high", policy={"cold_start": {"storm": {"count": 5, "window": "10s"}}})


@rule.attack("bare cgroups")
def _(case):
    case.act()
    case.cgroups_of(case.function, 6)


@rule.attack("containers")
def _(case):
    case.act()
    for _ in range(6):
        case.container(ready=False)


@rule.quiet("four of a function, and many of others")
def _(case):
    case.cgroups_of(case.function + "-calm", 4)
    for number in range(8):
        case.cgroups_of(f"other-{number}", 1)
