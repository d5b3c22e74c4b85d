# SPDX-License-Identifier: Apache-2.0
"""A start takes longer than its budget."""
from cases import Rule

rule = Rule("coldstart.slow", severity="medium", policy={"cold_start": {"budget": "3s"}})


@rule.attack("it waits", limit=30)
def _(case):
    case.act()
    case.container(init="import time\ntime.sleep(4)")


@rule.attack("it computes", limit=30)
def _(case):
    case.act()
    case.container(init="import time\nwhile time.process_time() < 4: pass")


@rule.quiet("a start within its budget", linger=True)
def _(case):
    case.container()
