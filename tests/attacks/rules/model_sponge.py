# SPDX-License-Identifier: Apache-2.0
"""Requests that cost a function far more CPU time than its requests ever did."""
from cases import Rule

rule = Rule("model.sponge", severity="medium", policy={"rules": {"model.sponge": {"action": "alert"}}})

BURN = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end:\n    pass"


def ten_minutes():
    return "it learns for ten minutes first; tests/unit/detect/cpu_rules_test.cpp tells the events' times"


def usual(case, function):
    for _ in range(21):
        function.python(BURN.format(0.1))
        case.outlive(function, 40)


@rule.attack("one request that does not end", needs=ten_minutes)
def _(case):
    function = case.bare()
    usual(case, function)
    case.act()
    function.python(BURN.format(60), limit=120)


@rule.attack("several that take ten times as long", needs=ten_minutes)
def _(case):
    function = case.bare()
    usual(case, function)
    case.act()
    for _ in range(10):
        function.python(BURN.format(4))


@rule.quiet("a dear request before it is known what is usual", linger=True)
def _(case):
    function = case.bare()
    function.python(BURN.format(12))
