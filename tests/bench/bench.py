# SPDX-License-Identifier: Apache-2.0
"""What the daemon costs: each kind of work with the daemon and without, in alternating pairs, inside a sandbox and outside.

A figure is the median over the pairs of (time per operation with / without), with the smallest and the largest pair
behind it: on a shared machine a ratio of neighbours is all that can be trusted. In each half of a pair a load runs
several times and its fastest run counts.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
from lab import Daemon, Lab, LabError  # noqa: E402

LOADS = ["null", "open", "udp", "connect", "vmread", "exec", "http"]

# The budgets of the fallback backend: (inside a sandbox, outside).
BUDGETS = {
    "full": {"null": (1.18, 1.18), "open": (1.30, 1.20), "udp": (1.15, 1.03), "connect": (1.08, 1.03),
             "vmread": (1.30, 1.20), "exec": (1.04, 1.02), "http": (1.02, 1.01)},
    "lean": {"null": (1.00, 1.00), "open": (1.30, 1.20), "udp": (1.15, 1.03), "connect": (1.08, 1.03),
             "vmread": (1.30, 1.20), "exec": (1.04, 1.02), "http": (1.02, 1.01)},
}
PLACES = ("inside", "outside")


def time_load(binary, load, milliseconds, cgroup, repeats):
    """ns per operation, wall and CPU: the fastest of `repeats` runs."""

    def enter():
        with open(cgroup / "cgroup.procs", "w") as procs:
            procs.write("0")

    best = None
    for _ in range(repeats):
        done = subprocess.run([binary, load, str(milliseconds)], preexec_fn=enter, capture_output=True, text=True)
        if done.returncode != 0:
            raise LabError(f"bench_load {load}: {done.stderr}")
        operations, wall, cpu = map(int, done.stdout.split())
        run = (wall / operations, cpu / operations)
        best = run if best is None else tuple(map(min, best, run))
    return best


def measure_all(options, loads, cgroups):
    binary = os.path.join(options.build, "bench_load")
    return {(load, place): time_load(binary, load, options.milliseconds, cgroups[place], options.repeats)
            for load in loads for place in PLACES}


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summarise(pairs, loads):
    rows = {}
    for load in loads:
        for place in PLACES:
            without = [pair["without"][load, place] for pair in pairs]
            with_daemon = [pair["with"][load, place] for pair in pairs]
            rows[load, place] = {
                "wall": spread([on[0] / off[0] for on, off in zip(with_daemon, without)]),
                "cpu": spread([on[1] / off[1] for on, off in zip(with_daemon, without)]),
                "without_ns": statistics.median(off[0] for off in without),
                "with_ns": statistics.median(on[0] for on in with_daemon),
            }
    return rows


def print_table(rows, loads, profile):
    print(f"\n{'load':<9} {'where':<8} {'wall ratio':<24} {'CPU ratio':<24} {'ns without':>11} {'ns with':>11}  budget")
    for load in loads:
        for index, place in enumerate(PLACES):
            row = rows[load, place]
            budget = BUDGETS[profile][load][index]
            cells = [f"{row[kind]['median']:.3f} [{row[kind]['min']:.3f}–{row[kind]['max']:.3f}]" for kind in ("wall", "cpu")]
            # The smaller of both medians: noise only ever adds.
            met = min(row["wall"]["median"], row["cpu"]["median"]) <= budget + 0.005
            print(f"{load:<9} {place:<8} {cells[0]:<24} {cells[1]:<24} {row['without_ns']:>11.0f} {row['with_ns']:>11.0f}"
                  f"  {budget:.2f} {'met' if met else 'OVER'}")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))


def measure_idle(lab, options):
    """The daemon on a node where nothing happens: start to ready, CPU, memory."""
    sleepers = []
    for number in range(options.sandboxes):
        cgroup = lab.cgroup(f"{lab.cgroup_root}/acme/idle/i-{number}")

        def enter(procs=cgroup / "cgroup.procs"):
            procs.write_text("0")

        sleepers.append(subprocess.Popen(["/usr/bin/tail", "-f", "/dev/null"], preexec_fn=enter))
    try:
        with Daemon(lab, options.build) as daemon:
            pid = daemon.process.pid
            ready_ms = int(re.search(r"armed (\d+) ms after the start; (\d+) sandboxes", daemon.log()).group(1))
            before, began = cpu_seconds(pid), time.monotonic()
            time.sleep(options.idle_seconds)
            cpu = (cpu_seconds(pid) - before) / (time.monotonic() - began)
            return {"sandboxes": len(daemon.sandboxes()), "ready_ms": ready_ms, "cpu_percent": 100 * cpu,
                    "resident_mib": resident_mib(pid)}
    finally:
        for sleeper in sleepers:
            sleeper.kill()
            sleeper.wait()


def main():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--milliseconds", type=int, default=150, help="of one run of a load (default: %(default)s)")
    parser.add_argument("--repeats", type=int, default=3, help="runs in each half of a pair (default: %(default)s)")
    parser.add_argument("--profile", choices=["full", "lean"], default="full")
    parser.add_argument("--json", metavar="FILE", help="write the figures there as well")
    parser.add_argument("--idle", action="store_true", help="instead: start-up, CPU and memory with idle sandboxes")
    parser.add_argument("--sandboxes", type=int, default=100, help="of --idle (default: %(default)s)")
    parser.add_argument("--idle-seconds", type=int, default=20, help="of --idle (default: %(default)s)")
    parser.add_argument("loads", nargs="*", metavar="LOAD", help=f"of {', '.join(LOADS)} (default: all)")
    options = parser.parse_args()
    loads = options.loads or LOADS
    if unknown := set(loads) - set(LOADS):
        parser.error(f"no load named {', '.join(sorted(unknown))}; there are {', '.join(LOADS)}")
    try:
        with Lab("bench") as lab:
            if options.idle:
                figures = measure_idle(lab, options)
                print("\n".join(f"{name:<14} {value:.2f}" for name, value in figures.items()))
                if options.json:
                    pathlib.Path(options.json).write_text(json.dumps(figures, indent=1))
                return 0
            cgroups = {"inside": lab.cgroup(f"{lab.cgroup_root}/acme/bench/i-1"),
                       "outside": lab.cgroup(f"{lab.cgroup_root}-outside")}
            pairs = []
            try:
                for number in range(options.pairs):
                    pair = {"without": measure_all(options, loads, cgroups)}
                    with Daemon(lab, options.build, config={"fallback": {"profile": options.profile}}) as daemon:
                        pair["with"] = measure_all(options, loads, cgroups)
                        _, lost = daemon.events()
                    pairs.append(pair)
                    print(f"pair {number + 1} of {options.pairs} done, {lost} events lost", file=sys.stderr, flush=True)
            finally:
                cgroups["outside"].rmdir()
    except LabError as error:
        print(f"./dev bench: {error}", file=sys.stderr)
        return 1
    rows = summarise(pairs, loads)
    print_table(rows, loads, options.profile)
    if options.json:
        figures = [{"load": load, "where": place, **row} for (load, place), row in rows.items()]
        with open(options.json, "w") as out:
            json.dump({"profile": options.profile, "pairs": options.pairs, "kernel": os.uname().release, "figures": figures},
                      out, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
