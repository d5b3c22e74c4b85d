# SPDX-License-Identifier: Apache-2.0
"""`./dev run`: the main job for real, on this machine, in about half a minute.

Starts the daemon and three functions in runc containers, serves requests, freezes and thaws one, and attacks one from
another. Prints cold starts and alerts as they come and then a summary. Exits 0 only if all that it promises was seen.
"""
import argparse
import io
import json
import os
import socket
import subprocess
import sys
import threading

from lab import Daemon, Lab, LabError, node_function, python_function, wait_until

MODEL_STORE, RESNET, RESIZE, THUMBNAIL = 8500, 8081, 8082, 8083
METRICS = "127.0.0.1:9938"

POLICY = f"""
version: 1
name: acme
match: {{ tenant: acme }}
extends: default
ready: listen
cold_start: {{ budget: 30s }}
egress:
  init: [ {{ cidr: 127.0.0.1/32, ports: [{MODEL_STORE}] }} ]   # the model store
"""

BOLD, DIM, RED, GREEN, RESET = ("\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[0m") if sys.stdout.isatty() else [""] * 5


def say(text):
    print(text, flush=True)


def step(text):
    say(f"\n{BOLD}── {text}{RESET}")


def weights():
    import numpy

    archive = io.BytesIO()
    random = numpy.random.default_rng(7)
    numpy.savez(archive, first=random.standard_normal((1024, 256)), second=random.standard_normal((256, 10)))
    return archive.getvalue()


def follow(daemon, command, render):
    """Prints what `fnshield COMMAND -f` says, as it says it."""
    process = subprocess.Popen(
        [str(daemon.build / "fnshield"), command, "-f", "--json", "--run-dir", str(daemon.run_dir)],
        stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)

    def pump():
        for line in process.stdout:
            text = render(json.loads(line))
            if text:
                say(text)

    thread = threading.Thread(target=pump, daemon=True)
    thread.start()
    return process, thread


def milliseconds(seconds):
    return "—" if seconds is None else f"{seconds * 1000:.1f} ms"


def render_event(event):
    if not event["kind"].startswith("sandbox_"):
        return None
    sandbox = event["sandbox"]
    phases = ", ".join(f"{name} {milliseconds(event[name + '_ns'] / 1e9)}"
                       for name in ("setup", "init", "first_request", "total") if event.get(name + "_ns") is not None)
    return f"{DIM}   {event['kind']:<22} {sandbox['function']}/{sandbox['instance']} {phases}{RESET}"


def render_alert(alert):
    return (f"{RED}   ALERT {alert['severity']:<8} {alert['rule']}{RESET}\n"
            f"         {alert['summary']}")


def heap_of(pid):
    with open(f"/proc/{pid}/maps") as maps:
        for line in maps:
            if line.rstrip().endswith("[heap]"):
                return int(line.split("-")[0], 16)
    raise LabError(f"process {pid} has no heap")


def free(address):
    host, port = address.rsplit(":", 1)
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) != 0


class Checks:
    def __init__(self):
        self.rows = []

    def note(self, what, seen):
        self.rows.append((what, bool(seen)))

    def report(self):
        for what, seen in self.rows:
            say(f"   {GREEN + 'yes' if seen else RED + 'NO '}{RESET}  {what}")
        return all(seen for _, seen in self.rows)


def cold_start_row(row):
    cold = row["cold_start_seconds"]
    return (f"   {row['function'] + '/' + row['instance']:<18} {row['state']:<9}"
            + "".join(f" {name} {milliseconds(cold[name]):<11}"
                      for name in ("setup", "init", "first_request", "total")))


def has_all_phases(row):
    return row and all(row["cold_start_seconds"][name] is not None
                       for name in ("setup", "init", "first_request", "total"))


def scenario(lab, daemon, checks, keep):
    store = lab.serve(MODEL_STORE, weights())
    resnet = python_function(lab, "acme", "resnet", "i-1", RESNET,
                             environment={"MODEL_URL": f"http://127.0.0.1:{MODEL_STORE}/weights.npz"})
    resize = node_function(lab, "acme", "resize", "i-1", RESIZE)
    thumbnail = python_function(lab, "acme", "thumbnail", "i-1", THUMBNAIL, host_pid=True,
                                environment={"CALL_HOME": "10.66.0.9:443"}, capabilities=["CAP_SYS_PTRACE"])

    step("two functions start cold: resnet (Python, fetches its weights) and resize (Node.js)")
    with store, resnet, resize:
        for function in (resnet, resize):
            function.wait_until_serving()
            daemon.wait_for_state(function, "serving")
        status, answer = resnet.request("POST", "/", bytes(1024))
        say(f"   resnet answers {status} {answer.decode().strip()}; resize answers {resize.request()[0]}")
        daemon.settle()
        quiet = [alert for alert in daemon.alerts() if alert["sandbox"] and alert["sandbox"]["function"] == "resnet"]
        checks.note("resnet fetched its weights from a listed address without an alert", not quiet)

        step("resnet is frozen while idle and thawed for the next request")
        resnet.pause()
        frozen = daemon.wait_for_state(resnet, "frozen")
        resnet.resume()
        daemon.wait_for_state(resnet, "serving")
        checks.note("resnet was frozen and thawed, and serves again", frozen and resnet.request()[0] == 200)

        step("thumbnail starts: a dependency of it calls home; then an attacker uses it")
        with thumbnail:
            thumbnail.wait_until_serving()
            daemon.wait_for_state(thumbnail, "serving")
            alert = daemon.wait_for_alert("coldstart.init_egress")
            checks.note("the call home during init was reported", alert["target"]["address"] == "10.66.0.9")

            thumbnail.request(path="/metadata")
            alert = daemon.wait_for_alert("identity.metadata_service")
            checks.note("the contact with the metadata service was reported",
                        alert["target"]["address"] == "169.254.169.254")

            victim = resnet.pid()
            _, stolen = thumbnail.request(path=f"/steal?pid={victim}&address={heap_of(victim)}&length=64")
            alert = daemon.wait_for_alert("isolation.memory_read")
            ends = (alert["sandbox"]["function"], alert["target"]["sandbox"]["function"])
            checks.note(f"thumbnail read {len(stolen)} bytes of resnet's memory, and both ends are named",
                        len(stolen) == 64 and ends == ("thumbnail", "resnet"))

            step("summary")
            rows = {row["function"]: row for row in daemon.sandboxes() if row["cgroup"].startswith(lab.cgroup_root)}
            for row in rows.values():
                say(cold_start_row(row))
            checks.note("two functions started cold, with all phases",
                        has_all_phases(rows.get("resnet")) and has_all_phases(rows.get("resize")))
            code, metrics = daemon.metrics()
            checks.note("/metrics answers", code == 200 and "fnshield_cold_start_seconds_count" in metrics)
            events, lost = daemon.events()
            checks.note("no event was lost", lost == 0)
            say(f"   {events} events, {len(daemon.alerts())} alerts, metrics at "
                f"http://{daemon.metrics_address()}/metrics")
            say("")
            passed = checks.report()
            if keep:
                say(f"\nStill running; stop it with Ctrl-C. Look around with\n"
                    f"   {daemon.build}/fnshield sandboxes --run-dir {daemon.run_dir}\n"
                    f"   {daemon.build}/fnshield alerts -f --run-dir {daemon.run_dir}")
                try:
                    daemon.process.wait()
                except KeyboardInterrupt:
                    say("")
            return passed


def main():
    parser = argparse.ArgumentParser(prog="./dev run", description=__doc__)
    parser.add_argument("--build", default="build", help="folder with fnshieldd and fnshield (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    options = parser.parse_args()
    listen = METRICS if free(METRICS) else "127.0.0.1:0"
    checks = Checks()
    try:
        with Lab("run") as lab:
            step("fnshieldd starts")
            daemon = Daemon(lab, os.path.abspath(options.build), policies={"acme.yaml": POLICY}, listen=listen)
            with daemon:
                status = daemon.status()
                say(f"   version {status['version']}, mode {status['mode']}, "
                    + ", ".join(f"{sensor['name']}: {sensor['backend']}" for sensor in status["sensors"]))
                followers = [follow(daemon, "events", render_event), follow(daemon, "alerts", render_alert)]
                try:
                    passed = scenario(lab, daemon, checks, options.keep)
                finally:
                    for process, thread in followers:
                        process.terminate()
                        process.wait(5)
                        thread.join(5)
            left = daemon.process.returncode
        if left != 0:
            say(f"fnshieldd ended with exit code {left}")
        return 0 if passed and left == 0 else 1
    except (LabError, OSError, subprocess.TimeoutExpired) as error:
        print(f"./dev run: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
