# SPDX-License-Identifier: Apache-2.0
"""The kernel cases on every kernel and backend: one boot a kernel, in it one run of the cases a backend. Cases that count
instructions have a boot of their own, on one kernel and with --kernels only: a machine that counts takes minutes.

Results are GoogleTest's own reports, kept as build/vm/reports/KERNEL-BACKEND.xml. What never came, because the guest
crashed, hung or was cut off, is a failure that names the kernel and backend and shows the end of the console.
"""
import collections
import dataclasses
import pathlib
import re
import time
import xml.etree.ElementTree as xml

import image
import kernels
import machine

# About the objects of this build, which are the same everywhere; that they load, the other cases show.
OF_THE_BUILD = "VmlinuxSmall*:*/VmlinuxSmall*:GoogleTestVerification.*"
# Those that count instructions.
COUNTING = "SyscallCost.*"
# In the order in which one boot runs them.
BACKENDS = ["tracepoint", "fentry", "lsm"]
EVERY_CASE = f"*-{OF_THE_BUILD}:{COUNTING}"
# What a run without --kernels has time for under emulation, where loading a sensor takes seconds: each act on memory and
# each of egress once, refused or not, and one case of the other sensors. The rest is shown natively and by --kernels.
BRIEF = ("*MemoryActs.AcrossSandboxes*:*MemoryRefused*:*MemoryVerdict*:Heartbeat*:LifecycleTest.ASandbox*:Egress.*:"
         "EgressPolicy.*:ExecVerdictTest.AnUnlisted*:ProcessTest.WhatRan*:FilePastTest.AnotherPath*:IpcTest.ASocket*:"
         "*PrivilegeGranted.IsToldOnce/setns")
DEFAULT_KERNELS = "6.1"
LIMIT_SECONDS = 1800  # for all of one boot, on a machine that is busy with other things


@dataclasses.dataclass
class Outcome:
    kernel: str
    backend: str
    report: pathlib.Path | None = None  # GoogleTest's XML; None where there is none
    error: str = ""                     # what went wrong beside the cases
    skipped: bool = False               # nobody's fault: the kernel is not offered any more

    @property
    def name(self):
        return f"{self.kernel}/{self.backend}"


def chosen(words):
    """The kernels that --kernels asks for; ValueError where it names none of ours."""
    if words in ("none", ""):
        return []
    names = list(kernels.KERNELS) if words == "all" else [word.strip() for word in words.split(",")]
    for name in names:
        if name not in kernels.KERNELS:
            raise ValueError(f"no kernel '{name}': {', '.join(kernels.KERNELS)}, all or none")
    return names


def split_reports(said):
    """{backend: (exit code, XML)} of what the guest wrote, of whole reports only."""
    found = {}
    for backend, code, text in re.findall(r"^=== begin (\S+) (\d+)\r?\n(.*?)^=== end \1\r?$", said, re.M | re.S):
        found[backend] = (int(code), text)
    return found


def outcome_of(kernel, backend, reports, why, folder):
    code, text = reports.get(backend, (None, ""))
    if not text.strip():
        return Outcome(kernel, backend, error=why or f"the tests ended with {code} and wrote no report")
    path = folder / f"{kernel}-{backend}.xml"
    path.write_text(text)
    try:
        root = xml.parse(path).getroot()
    except xml.ParseError as error:
        return Outcome(kernel, backend, error=f"its report is not whole: {error}")
    if root.find(".//testcase") is None:
        return Outcome(kernel, backend, path, error="no case was run")
    if code != 0 and root.find(".//testcase/failure") is None:
        return Outcome(kernel, backend, path, error=f"the tests ended with {code}, although no case failed")
    return Outcome(kernel, backend, path)


def run_kernel(build, name, only, counting=False):
    """Boots one kernel and runs the cases `only` on all backends in it; `counting`: so that instructions can be counted."""
    work, label = build / "vm", f"{name}-counting" if counting else name
    reports_folder, folder = work / "reports", work / "machines" / label
    for path in (reports_folder, folder):
        path.mkdir(parents=True, exist_ok=True)
    runs = [(backend, only) for backend in BACKENDS]
    try:
        kernel = kernels.fetch(work, name)
        disk = image.make(build, kernel, runs, folder, ["FNSHIELD_TEST_ICOUNT=1"] if counting else [])
    except kernels.NotOffered as error:
        return [Outcome(label, backend, error=f"this kernel cannot be fetched: {error}", skipped=True) for backend, _ in runs]
    except (kernels.FetchError, OSError) as error:
        return [Outcome(label, backend, error=f"no machine: {error}") for backend, _ in runs]
    begun = time.monotonic()
    print(f"── kernel {label}: {kernel.release}", flush=True)
    said, why = machine.boot(kernel, disk, folder, LIMIT_SECONDS, machine.COUNTING if counting else machine.QUICK)
    disk.unlink()
    print(f"   {time.monotonic() - begun:.0f} s from power-on to power-off", flush=True)
    reports = split_reports(said)
    outcomes = [outcome_of(label, backend, reports, why, reports_folder) for backend, _ in runs]
    if why and not any(outcome.error for outcome in outcomes):
        outcomes[-1].error = why
    return outcomes


def boots(names, only):
    """(kernel, cases, counting) of each boot; whoever chooses cases himself names the suite that counts first."""
    if only.startswith("SyscallCost"):
        return [(name, only, True) for name in names]
    planned = [(name, only, False) for name in names]
    if DEFAULT_KERNELS in names and only == EVERY_CASE:
        planned.append((DEFAULT_KERNELS, COUNTING, True))
    return planned


def run(build, names, only=EVERY_CASE):
    """All outcomes; prints what failed as it goes."""
    outcomes = []
    for boot in boots(names, only):
        for outcome in run_kernel(build, *boot):
            outcomes.append(outcome)
            if outcome.error:
                print(f"   {outcome.name}: {outcome.error}", flush=True)
    return outcomes


def cells(outcome):
    """{suite: [passed, failed, skipped]} of one report."""
    counts = collections.defaultdict(lambda: [0, 0, 0])
    for case in xml.parse(outcome.report).getroot().iter("testcase"):
        column = 1 if case.find("failure") is not None else 2 if case.find("skipped") is not None else 0
        counts[case.get("classname")][column] += 1
    return counts


def cell(counts):
    passed, failed, skipped = counts
    words = [f"{passed}" if passed else "", f"{failed} FAILED" if failed else "", f"{skipped} skipped" if skipped else ""]
    return " ".join(word for word in words if word) or "-"


def table(outcomes):
    """Suites down, kernel/backend across: passed, failed, skipped."""
    columns = {outcome.name: cells(outcome) for outcome in outcomes if outcome.report}
    if not columns:
        return ""
    suites = sorted({suite for counts in columns.values() for suite in counts})
    rows = [["cases passed on", *columns]]
    rows += [[suite, *(cell(counts.get(suite, (0, 0, 0))) for counts in columns.values())] for suite in suites]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows)
