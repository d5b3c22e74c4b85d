# SPDX-License-Identifier: Apache-2.0
"""One peer asks a function far more than it was ever asked."""
from cases import Rule

rule = Rule("model.query_flood", severity="medium", policy={"rules": {"model.query_flood": {"action": "alert"}}})


def five_minutes():
    return "it learns for five minutes first; tests/unit/detect/normal_rules_test.cpp tells the events' times"


@rule.attack("a thousand connections of one peer", needs=five_minutes)
def _(case):
    function = case.bare()
    for _ in range(310):
        function.ask()
        case.outlive(function, 1)
    case.act()
    for _ in range(1000):
        function.ask()


@rule.quiet("many requests before it has learnt what is usual")
def _(case):
    function = case.bare()
    for _ in range(600):
        function.ask()
