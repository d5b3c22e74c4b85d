# SPDX-License-Identifier: Apache-2.0
"""Runs all tests through CTest and says at the end how many passed, failed and were skipped, and why.

A skip without a reason is a failure: a test that does not run must say what is missing.
"""
import argparse
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as xml


def reason_of(case):
    """What a skipped test printed about why: GTEST_SKIP's message, or unittest's reason."""
    output = case.findtext("system-out") or ""
    for pattern in (r"Skipped\s*\n(.+)", r"skipped ['\"](.+)['\"]", r"SKIP: (.+)"):
        found = re.search(pattern, output)
        if found:
            return found.group(1).strip()
    return None


def main():
    parser = argparse.ArgumentParser(prog="./dev test", description=__doc__)
    parser.add_argument("--build", default="build")
    parser.add_argument("filter", nargs="?", help="regular expression over test names")
    options = parser.parse_args()
    report = os.path.abspath(os.path.join(options.build, "tests.xml"))
    command = ["ctest", "--test-dir", options.build, "--output-on-failure", "--output-junit", report,
               "--parallel", str(os.cpu_count()), "--progress", "--no-tests=error"]
    if options.filter:
        command += ["--tests-regex", options.filter]
    code = subprocess.run(command).returncode
    try:
        cases = xml.parse(report).getroot().findall("testcase")
    except (OSError, xml.ParseError) as error:
        print(f"./dev test: no report from CTest: {error}", file=sys.stderr)
        return 1
    by_status = {"run": [], "fail": [], "notrun": []}
    for case in cases:
        by_status.setdefault(case.get("status"), []).append(case)
    unexplained = 0
    if by_status["notrun"]:
        print("\nSkipped:")
    for case in by_status["notrun"]:
        reason = reason_of(case)
        unexplained += reason is None
        print(f"  {case.get('name')}: {reason or 'NO REASON GIVEN (counts as failed)'}")
    if by_status["fail"]:
        print("\nFailed:")
    for case in by_status["fail"]:
        print(f"  {case.get('name')}")
    failed = len(by_status["fail"]) + unexplained
    skipped = len(by_status["notrun"]) - unexplained
    print(f"\n{len(by_status['run'])} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or code != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
