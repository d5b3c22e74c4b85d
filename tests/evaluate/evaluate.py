# SPDX-License-Identifier: Apache-2.0
"""`./dev evaluate`: every rule's attacks and look-alikes, for real, against the daemon of this build.

Runs each case of tests/attacks/rules in fresh sandboxes and prints, by category and in total, what was caught and missed,
how long the alert took, and which look-alikes raised a false alert. The result is written as JSON, and with --write-docs as
the table in docs/evaluation.md. Exit 0: at least 98 % of the attacks caught and no false alert above low.
"""
import argparse
import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import cases  # noqa: E402
import report  # noqa: E402
import stage as stages  # noqa: E402
from stage import LabError, lab  # noqa: E402

WANTED = 0.98
RANK = ["low", "medium", "high", "critical"]


@dataclasses.dataclass
class Outcome:
    rule: str
    category: str
    name: str
    attack: bool
    passed: bool = False
    seconds: float | None = None     # attacks: from the act to the alert
    summary: str = ""                # of the alert
    error: str = ""                  # why not passed
    explained: str = ""              # of a known miss
    lacking: str = ""                # why it was not run
    others: list = dataclasses.field(default_factory=list)  # rules of further alerts about the same sandboxes


def sandbox_of(alert):
    return (alert.get("sandbox") or {}).get("cgroup")


def names_rule(alert, rule):
    return alert["rule"] == rule or any(step["rule"] == rule for step in alert.get("steps", []))


def severity_of(alert, rule):
    return alert["severity"] if alert["rule"] == rule else next(
        step["severity"] for step in alert["steps"] if step["rule"] == rule)


def run_case(stage, rule, road):
    """The outcome so far; look-alikes are judged when all was told."""
    outcome = Outcome(rule.name, rule.category, road.name, road.attack, explained=road.miss)
    cgroups = []
    outcome.lacking = road.needs() if road.needs else ""
    if outcome.lacking:
        return outcome, cgroups
    try:
        with stages.Case(stage, f"{rule.function}-{rule.roads.index(road) + 1}") as case:
            cgroups = case.cgroups
            road.act(case)
            began = case.acted
            if road.attack:
                row = stage.alerts.wait(
                    lambda alert: sandbox_of(alert) in case.cgroups and names_rule(alert, rule.name), road.limit)
                if not row:
                    outcome.error = f"no alert within {road.limit:.0f} s"
                else:
                    outcome.summary = row[1]["summary"]
                    outcome.seconds = row[0] - began if began else None
                    severity = severity_of(row[1], rule.name)
                    outcome.passed = severity == road.severity
                    outcome.error = "" if outcome.passed else f"severity {severity}, expected {road.severity}"
            if road.linger:
                stage.daemon.settle()
            else:
                stage.barrier()
    except (LabError, OSError, subprocess.SubprocessError, KeyError, ValueError) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        outcome.passed = False
        outcome.error = f"the case itself failed: {type(error).__name__}: {error} ({place.name}:{place.lineno})"
    return outcome, cgroups


def judge(outcome, cgroups, road, alerts):
    """With every alert known: what else was told of the case's sandboxes, and whether a look-alike was quiet."""
    about = {alert["id"]: alert for alert in alerts if sandbox_of(alert) in cgroups}
    outcome.others = sorted({alert["rule"] for alert in about.values()
                             if not (road.attack and names_rule(alert, outcome.rule))})
    if road.attack or outcome.error or outcome.lacking:
        return
    loud = [alert for alert in about.values()
            if RANK.index(alert["severity"]) > 0 and alert["rule"] not in road.allowed]
    outcome.passed = not loud
    outcome.error = "; ".join(f"{alert['rule']}: {alert['summary']}" for alert in loud)


def run_all(options, rules):
    policies = {}
    for rule in rules:
        policies.update(rule.policies())
    total = sum(len(rule.roads) for rule in rules)
    with lab.Lab("evaluate") as node:
        daemon = lab.Daemon(node, os.path.abspath(options.build), policies=policies)
        with daemon, stages.Stage(node, options.build, daemon) as stage:
            status = daemon.status()
            done = []
            for rule in rules:
                for road in rule.roads:
                    if options.brief and (road.slow or not is_first(rule, road)):
                        continue
                    outcome, cgroups = run_case(stage, rule, road)
                    done.append((outcome, cgroups, road))
                    progress(len(done), total, outcome)
            daemon.settle()
            events, lost = daemon.events()
            alerts = stage.alerts.all()
        for outcome, cgroups, road in done:
            judge(outcome, cgroups, road, alerts)
    outcomes = [outcome for outcome, _, _ in done]
    backends = {sensor["name"]: sensor["backend"] for sensor in status["sensors"]}
    return outcomes, {"backends": backends, "events": events, "lost": lost, "version": status["version"],
                      "kernel": os.uname().release}


def is_first(rule, road):
    """Of its rule, of its kind."""
    return road is next(other for other in rule.roads if other.attack == road.attack)


def progress(number, total, outcome):
    if outcome.lacking:
        word = "-     "
    elif outcome.attack:
        word = "caught" if outcome.passed else "MISSED"
    else:
        word = "done  " if not outcome.error else "FAILED"
    seconds = f"{outcome.seconds * 1000:5.0f} ms" if outcome.seconds is not None else " " * 8
    print(f"{number:4}/{total}  {word} {seconds}  {outcome.rule:<28} {outcome.name}"
          + (f"\n           {outcome.error or outcome.lacking}" if outcome.error or outcome.lacking else ""), flush=True)


def main():
    parser = argparse.ArgumentParser(prog="./dev evaluate", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help=argparse.SUPPRESS)
    parser.add_argument("--rule", default="*", metavar="GLOB", help="only these rules: 'isolation.*'")
    parser.add_argument("--brief", action="store_true", help="of each rule the first attack and the first look-alike, but for slow ones")
    parser.add_argument("--quiet-hour", type=float, metavar="MINUTES", default=0,
                        help="afterwards healthy functions under load for so long; no alert above low may come")
    parser.add_argument("--json", metavar="FILE", help="write the result there (default: BUILD/evaluation.json)")
    parser.add_argument("--write-docs", action="store_true", help="write the tables into docs/evaluation.md")
    options = parser.parse_args()
    rules = cases.load(options.rule)
    if not rules:
        parser.error(f"no rule with cases is named '{options.rule}'")
    began = time.monotonic()
    try:
        outcomes, run = run_all(options, rules)
        quiet = None
        if options.quiet_hour:
            import quiet_hour
            quiet = quiet_hour.run(options.build, options.quiet_hour * 60)
    except (LabError, OSError, subprocess.SubprocessError) as error:
        print(f"./dev evaluate: {error}", file=sys.stderr)
        return 1
    run["seconds"] = round(time.monotonic() - began)
    result = report.result(outcomes, run, quiet)
    path = pathlib.Path(options.json or pathlib.Path(options.build) / "evaluation.json")
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(report.text(result))
    print(f"\nWritten to {path}.")
    if options.write_docs:
        report.write_docs(result)
    return 0 if report.passed(result, WANTED) else 1


if __name__ == "__main__":
    sys.exit(main())
