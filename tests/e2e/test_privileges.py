# SPDX-License-Identifier: Apache-2.0
"""The daemon with exactly the capabilities it works with, as a user who is not root, and with each one taken away.

Root's own files stay root's: tracefs is mounted anew for the daemon, so that nobody but root, or who has
CAP_DAC_READ_SEARCH, may read it, as on any other host.
"""
import contextlib
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess

from support import BUILD, DAEMON, USED, LabTest, capabilities_of, main
from lab import cgroup2_mount, run, wait_until

NOBODY = 65534  # a number; the machine need not have such an account
NEEDED = ("bpf", "perfmon", "net_admin")
OWN_TRACEFS = "mount -t tracefs nodev /sys/kernel/tracing && exec \"$@\""
TRIGGER = BUILD / "trigger"
TRIGGER_MAY_READ = {"acme.yaml": "version: 1\nname: acme\nmatch: { function: victim }\nextends: default\n"
                                 f"memory: {{ allow_from: [ \"{TRIGGER}\" ] }}\n"}


def with_tracefs(*command):
    return ["unshare", "-m", "sh", "-c", OWN_TRACEFS, "sh", *command]


def cap(name):
    return f"CAP_{name.upper()}"


def privileges_of(pid, thread=None):
    path = pathlib.Path(f"/proc/{pid}/task/{thread or pid}/status")
    return {line.split()[0].rstrip(":"): line.split()[1] for line in path.read_text().splitlines()
            if line.startswith(("Cap", "Uid", "NoNewPrivs"))}


class PrivilegesTest(LabTest):
    def setUp(self):
        super().setUp()
        self.numbers = itertools.count(1)
        for program in ("fnshieldd", "fnshield"):  # the build folder may be closed to others
            shutil.copy(BUILD / program, self.lab.folder)

    def as_nobody(self, *command, without=None):
        os.chown(self.lab.folder, NOBODY, NOBODY)  # for what the daemon writes
        held = ",".join(["-all", *(f"+{name}" for name in sorted(USED - {without}))])
        return with_tracefs("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                            f"--bounding-set={held}", f"--inh-caps={held}", f"--ambient-caps={held}", *command)

    def start_as_nobody(self, without=None, **options):
        return self.start(command=self.as_nobody(self.lab.folder / "fnshieldd", without=without), **options)

    def doctor(self, without=None):
        command = self.as_nobody(self.lab.folder / "fnshield", "doctor", "--json", "--run-dir", self.lab.folder / "run",
                                 without=without)
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=60)
        findings = {finding["item"]: finding for finding in json.loads(done.stdout)["findings"]}
        return done.returncode, findings

    def spawn_in(self, cgroup, *act, **options):
        def enter():
            (cgroup / "cgroup.procs").write_text("0")

        return subprocess.Popen([str(TRIGGER), *map(str, act)], preexec_fn=enter, stdout=subprocess.PIPE, text=True,
                                **options)

    @contextlib.contextmanager
    def victim(self):
        """A process in a sandbox of its own; its pid and an address that can be read."""
        cgroup = self.lab.cgroup(f"{self.lab.cgroup_root}/acme/victim/i-{next(self.numbers)}")
        process = self.spawn_in(cgroup, "hold", stdin=subprocess.PIPE)
        try:
            said = dict(line.strip().split("=", 1) for line in iter(process.stdout.readline, "ready\n"))
            yield said["pid"], said["address"]
        finally:
            process.communicate(timeout=10)

    def memory_read(self, daemon):
        """One sandbox reads the memory of another; returns the alert."""
        evil = self.lab.cgroup(f"{self.lab.cgroup_root}/acme/evil/i-{next(self.numbers)}")
        with self.victim() as where:
            act = self.spawn_in(evil, "vmread", *where)
            self.assertGreater(int(act.communicate(timeout=10)[0].split("=")[1]), 0)
            return daemon.wait_for_alert("isolation.memory_read", lambda alert: alert["sandbox"]["function"] == "evil")

    def memory_read_by_the_host(self, daemon):
        """A program of the host reads the victim's memory; the alerts of that."""
        with self.victim() as where:
            # It reads until the daemon has looked who it is.
            reader = subprocess.Popen([TRIGGER, "repeat", *map(str, where), "1000000000", "vmread"],
                                      stdout=subprocess.DEVNULL)
            try:
                wait_until("the reads to have begun", lambda: pathlib.Path(f"/proc/{reader.pid}/stat").read_text()
                           .rpartition(")")[2].split()[12] != "0")  # stime, proc_pid_stat(5)
                daemon.settle()
            finally:
                reader.kill()
                reader.wait()
        return [alert for alert in daemon.alerts()
                if alert["rule"] == "isolation.memory_read" and alert["summary"].startswith("host process")]

    def attached(self, daemon):
        return {(sensor["name"], program["program"]) for sensor in daemon.status()["sensors"]
                for program in sensor["programs"] if program["attached"]}

    def reasons(self, daemon):
        return " ".join(program["reason"] for sensor in daemon.status()["sensors"] for program in sensor["programs"])

    def warnings(self, daemon):
        return [line for line in daemon.log().splitlines() if " warning " in line]

    def check_threads(self, daemon):
        """What each thread of the running daemon holds: the loop what it still needs, the others nothing."""
        pid = daemon.process.pid
        loop = privileges_of(pid)
        self.assertEqual(capabilities_of(loop["CapPrm"]), USED - {"perfmon"})
        self.assertEqual(loop["CapEff"], loop["CapPrm"])
        self.assertEqual(capabilities_of(loop["CapBnd"]), USED)
        for thread in os.listdir(f"/proc/{pid}/task"):
            held = privileges_of(pid, thread)
            self.assertEqual(held["NoNewPrivs"], "1")
            for line in ("CapInh", "CapAmb", *(("CapPrm", "CapEff") if int(thread) != pid else ())):
                self.assertEqual(capabilities_of(held[line]), set(), f"{line} of thread {thread}")
        self.assertGreater(len(os.listdir(f"/proc/{pid}/task")), 1)  # that of /metrics
        return loop


class AllSix(PrivilegesTest):
    def test_another_user_sees_what_root_sees(self):
        daemon = self.start(command=with_tracefs(DAEMON), policies=TRIGGER_MAY_READ)
        as_root = self.attached(daemon)
        daemon.stop()
        shutil.rmtree(daemon.run_dir)
        os.unlink(daemon.alerts_path)
        daemon.command = self.as_nobody(self.lab.folder / "fnshieldd")
        daemon.start()
        self.assertEqual(self.attached(daemon), as_root)
        self.assertEqual(daemon.status()["missing_capabilities"], [])
        self.assertEqual(self.check_threads(daemon)["Uid"], str(NOBODY))
        alert = self.memory_read(daemon)
        self.assertEqual(alert["target"]["sandbox"]["function"], "victim")
        self.assertEqual(alert["process"]["exe"], str(TRIGGER))
        self.assertEqual(self.memory_read_by_the_host(daemon), [])
        self.assertEqual(os.stat(daemon.alerts_path).st_uid, NOBODY)
        self.assertEqual(self.warnings(daemon), [])
        self.assertEqual(daemon.metrics("/-/ready")[0], 200)

    def test_what_comes_after_arming_needs_no_more_than_what_is_kept(self):
        """A parent that appears later gets its cgroup programs; a reload reads what is root's alone."""
        late = f"{self.lab.cgroup_root}/late"
        daemon = self.start_as_nobody(config={"sandboxes": {"platforms": [], "templates": [late + "/{function}"]}})
        self.assertNotIn("cgroup", {program["backend"] for sensor in daemon.status()["sensors"]
                                    for program in sensor["programs"] if program["attached"]})
        (cgroup2_mount() / late.lstrip("/")).mkdir()
        wait_until("the late parent's cgroup programs", lambda: any(
            program["attached"] and program["backend"] == "cgroup" for sensor in daemon.status()["sensors"]
            for program in sensor["programs"]))
        policy = daemon.policy_dir / "acme.yaml"
        policy.touch(mode=0o600)
        policy.write_text("version: 1\nname: acme\nmatch: { tenant: acme }\nextends: default\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_until("the new policy", lambda: "acme" in {policy["name"] for policy in daemon.status()["policies"]})
        self.assertEqual([line for line in self.warnings(daemon) if "matches nothing on this host yet" not in line], [])

    def test_root_keeps_no_more(self):
        daemon = self.start()
        self.assertEqual(self.check_threads(daemon)["Uid"], "0")
        self.memory_read(daemon)

    def test_root_does_not_write_what_is_another_users(self):
        os.chown(self.lab.folder, NOBODY, NOBODY)
        done = self.run_daemon("--run-dir", self.lab.folder / "run")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("files and folders of other users are not written to", done.stderr)
        self.assertIn(f"{self.lab.folder}/run: Permission denied", done.stderr)


class OneTakenAway(PrivilegesTest):
    def test_each_that_is_needed_is_named(self):
        for taken in NEEDED:
            with self.subTest(taken):
                done = subprocess.run(
                    [str(word) for word in self.as_nobody(self.lab.folder / "fnshieldd", "--run-dir",
                                                          self.lab.folder / "run", without=taken)],
                    capture_output=True, text=True, timeout=20)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertIn(f"lacks {cap(taken)}:", done.stderr)
                self.assertIn("systemd unit", done.stderr)
                for other in USED - {taken}:
                    self.assertNotIn(f"{cap(other)}:", done.stderr)
                self.assertFalse((self.lab.folder / "run").exists())
                code, findings = self.doctor(without=taken)
                self.assertEqual((code, findings[cap(taken)]["verdict"]), (1, "missing"))

    def check_without(self, taken, **options):
        """It starts, says once what it cannot do, and detects all the same; returns the daemon."""
        daemon = self.start_as_nobody(without=taken, **options)
        missing = daemon.status()["missing_capabilities"]
        self.assertEqual([capability["name"] for capability in missing], [cap(taken)])
        warning, = self.warnings(daemon)
        self.assertIn(f"{cap(taken)} is not held: {missing[0]['serves']}", warning)
        shown = run(BUILD / "fnshield", "status", "--run-dir", daemon.run_dir).stdout
        self.assertIn(f"without {cap(taken)}: {missing[0]['serves']}", shown)
        code, findings = self.doctor(without=taken)
        self.assertEqual((code, findings[cap(taken)]["verdict"]), (0, "less"))
        for other in USED - {taken}:
            self.assertEqual(findings[cap(other)]["verdict"], "ok")
        self.memory_read(daemon)
        return daemon

    def test_sys_ptrace(self):
        daemon = self.check_without("sys_ptrace", policies=TRIGGER_MAY_READ)
        alert, = self.memory_read_by_the_host(daemon)  # nobody can tell that it is the program which the policy lists
        self.assertEqual(alert["process"]["exe"], "")

    def test_dac_read_search(self):
        daemon = self.check_without("dac_read_search")
        reason = "tracefs can only be read with CAP_DAC_READ_SEARCH"
        self.assertIn(reason, self.reasons(daemon))
        alert = daemon.wait_for_alert("health.sensor", lambda one: reason in one["summary"])
        self.assertEqual(alert["severity"], "high")
        self.assertEqual([one for one in daemon.alerts()
                          if one["rule"] == "health.sensor" and "heartbeat" in one["summary"]], [])

    def test_kill(self):
        self.check_without("kill")


if __name__ == "__main__":
    main()
