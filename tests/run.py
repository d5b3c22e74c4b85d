# SPDX-License-Identifier: Apache-2.0
"""Runs the tests through CTest and says at the end how many cases passed, failed and were skipped, and why.

CTest knows a few programs: `unit`, `kernel`, and one `e2e.…` for each end-to-end file; the cases are counted from what
each of them reports. FILTER chooses programs by a regular expression (`kernel`, `e2e`), or cases of one GoogleTest
program: `unit:Policy*`, `kernel:*Memory*`. A skip without a reason counts as a failure.

After them the kernel cases run in virtual machines on the kernels that --kernels names: 6.1 where nothing else is asked
for, none where FILTER chooses other programs. `vm` and `vm:*Memory*` run nothing else.
"""
import argparse
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree as xml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "vm"))
import matrix  # noqa: E402


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def add_googletest(self, report, where="", say_why=False):
        for case in xml.parse(report).getroot().iter("testcase"):
            name = f"{where}{case.get('classname')}.{case.get('name')}"
            skip = case.find("skipped")
            failures = case.findall("failure")
            if failures:
                self.failed.append(name)
                if say_why:
                    print(f"\n{name} failed:", *((failure.get("message") or "").strip() for failure in failures), sep="\n")
            elif skip is not None:
                reason = " ".join((skip.get("message") or "").split())
                self.skip(name, re.sub(r"^\S+:\d+\s*", "", reason))  # without its place in the source
            else:
                self.passed += 1

    def add_unittest(self, program, output):
        """`name (…) ... ok` of Python's verbose runner."""
        for name, outcome in re.findall(r"^(test_\w+) \(.*?\)(?:\n.*?)? \.\.\. .*?(ok|FAIL|ERROR|skipped .*)$", output, re.M):
            if outcome == "ok":
                self.passed += 1
            elif outcome.startswith("skipped"):
                self.skip(f"{program}.{name}", outcome.removeprefix("skipped ").strip("'\" "))
            else:
                self.failed.append(f"{program}.{name}")

    def add_machine(self, outcome):
        """One kernel and backend of the matrix."""
        if outcome.report:
            self.add_googletest(outcome.report, f"{outcome.name}: ", say_why=True)
        if outcome.skipped:
            self.skip(outcome.name, outcome.error)
        elif outcome.error:
            self.failed.append(outcome.name)

    def skip(self, name, reason):
        (self.skipped if reason else self.failed).append((name, reason) if reason else f"{name}: skipped without a reason")


def count(build, report):
    tally = Tally()
    for case in xml.parse(report).getroot().findall("testcase"):
        program, output = case.get("name"), case.findtext("system-out") or ""
        cases = build / f"{program}.xml"
        before = (tally.passed, len(tally.failed))
        if cases.exists():
            tally.add_googletest(cases)
        else:
            tally.add_unittest(program, output)
        told = (tally.passed, len(tally.failed)) != before
        if case.get("status") == "fail" and len(tally.failed) == before[1]:
            tally.failed.append(program)  # it crashed, or ran out of time, before it could say which case
        elif case.get("status") == "run" and not told:
            tally.passed += 1  # a program that is one case
    return tally


def run_cases(build, program, pattern):
    return subprocess.run([str(build / f"{program}_tests"), f"--gtest_filter={pattern}"]).returncode


def run_programs(build, pattern):
    """CTest's programs that match, all where `pattern` is None; (tally, exit code)."""
    report = build / "tests.xml"
    for old in (report, build / "unit.xml", build / "kernel.xml"):
        old.unlink(missing_ok=True)
    command = ["ctest", "--test-dir", str(build), "--output-on-failure", "--output-junit", str(report),
               "--test-output-size-passed", "100000", "--no-tests=error"]
    if pattern:
        command += ["--tests-regex", pattern]
    code = subprocess.run(command).returncode
    return count(build, report), code


def run_machines(build, tally, names, only):
    outcomes = matrix.run(build, names, only)
    for outcome in outcomes:
        tally.add_machine(outcome)
    if shown := matrix.table(outcomes):
        print(f"\n{shown}")


def print_tally(tally):
    if tally.skipped:
        print("\nSkipped:")
    for name, reason in tally.skipped:
        print(f"  {name}: {reason}")
    if tally.failed:
        print("\nFailed:")
    for name in tally.failed:
        print(f"  {name}")
    print(f"\n{tally.passed} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped")


def parse_arguments():
    parser = argparse.ArgumentParser(prog="./dev test", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--kernels", metavar="LIST",
                        help=f"for the virtual machines: {', '.join(matrix.kernels.KERNELS)} with commas between, all or none")
    parser.add_argument("filter", nargs="?")
    options = parser.parse_args()
    options.program, _, options.cases = (options.filter or "").partition(":")
    options.vm_cases = options.cases or (matrix.BRIEF if options.kernels is None else matrix.EVERY_CASE)
    asked = options.kernels
    if asked is None:
        asked = matrix.DEFAULT_KERNELS if options.program in ("", "vm") else "none"
    try:
        options.machines = matrix.chosen(asked)
    except ValueError as error:
        parser.error(str(error))
    return options


def main():
    options = parse_arguments()
    build = pathlib.Path(options.build).resolve()
    if options.cases and options.program in ("unit", "kernel"):
        return run_cases(build, options.program, options.cases)
    tally, code = Tally(), 0
    if options.program != "vm":
        try:
            tally, code = run_programs(build, options.filter)
        except (OSError, xml.ParseError) as error:
            print(f"./dev test: no report from the tests: {error}", file=sys.stderr)
            return 1
    if options.machines:
        run_machines(build, tally, options.machines, options.vm_cases)
    elif options.kernels == "none":
        tally.skip("kernels in virtual machines", "--kernels none")
    print_tally(tally)
    return 1 if tally.failed or code != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
