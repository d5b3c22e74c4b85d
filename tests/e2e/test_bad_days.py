# SPDX-License-Identifier: Apache-2.0
"""Bad input and bad days: each has a clear message, the right exit code, and loses nothing else."""
import json
import os
import signal
import socket
import subprocess
import time

from support import BUILD, DAEMON, LabTest, bpf_programs, bpf_programs_of, main
from lab import cgroup2_mount, python_function, run, wait_until


class CannotStart(LabTest):
    def test_not_root(self):
        # The binary is reached by descriptor: its folder may be closed to others.
        with open(DAEMON, "rb") as program:
            done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                                   f"/proc/self/fd/{program.fileno()}", "--run-dir", "/tmp/fnshield-nobody"],
                                  pass_fds=[program.fileno()], capture_output=True, text=True, timeout=20)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("CAP_BPF", done.stderr)

    def test_no_btf(self):
        hide = "mount -t tmpfs none /sys/kernel/btf && exec \"$@\""
        done = self.run_daemon("--run-dir", self.lab.folder / "run", prefix=["unshare", "-m", "sh", "-c", hide, "sh"])
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("no BTF", done.stderr)
        self.assertIn("CONFIG_DEBUG_INFO_BTF", done.stderr)

    def test_no_cgroup2(self):
        hide = f"umount -l {cgroup2_mount()} && exec \"$@\""
        done = self.run_daemon("--run-dir", self.lab.folder / "run", prefix=["unshare", "-m", "sh", "-c", hide, "sh"])
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("cgroup v2 is not mounted", done.stderr)

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            done = self.run_daemon("--listen", address, "--run-dir", self.lab.folder / "run",
                                   "--state-dir", self.lab.folder / "state")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(address, done.stderr)
        self.assertIn("in use", done.stderr)

    def test_bad_configuration(self):
        config = self.lab.folder / "bad.yaml"
        config.write_text("version: 1\nmod: monitor\n")
        for arguments in (["--check"], []):
            done = self.run_daemon("--config", config, *arguments)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(f"{config}:2:1: ", done.stdout + done.stderr)
            self.assertIn("mode", done.stdout + done.stderr)  # did you mean

    def test_a_backend_that_does_not_work_here(self):
        told = json.loads(run(BUILD / "fnshield", "doctor", "--json", "--run-dir", self.lab.folder / "run", check=False).stdout)
        unusable = [row["item"] for row in told["findings"]
                    if row["area"] == "backends" and row["item"] in ("lsm", "fentry") and row["verdict"] != "ok"]
        if not unusable:
            self.skipTest("all backends work on this kernel")
        config = self.lab.folder / "forced.yaml"
        config.write_text(f"version: 1\nlisten: off\nrun_dir: {self.lab.folder}/run\nbackend: {unusable[0]}\n")
        done = self.run_daemon("--config", config)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn(f"backend {unusable[0]} does not work here: ", done.stderr)
        self.assertIn("backend: auto", done.stderr)

    def test_missing_configuration(self):
        done = self.run_daemon("--config", self.lab.folder / "none.yaml")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("No such file", done.stderr)

    def test_bad_usage(self):
        done = self.run_daemon("--mode", "enfroce")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("enfroce", done.stderr)

    def test_unreadable_policy_folder(self):
        folder = self.lab.folder / "not-a-folder"
        folder.write_text("")
        done = self.run_daemon("--policy-dir", folder, "--run-dir", self.lab.folder / "run")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(str(folder), done.stderr)

    def test_second_daemon(self):
        first = self.start()
        done = self.run_daemon("--config", first.config_path)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn(str(first.process.pid), done.stderr)
        self.assertTrue(first.status()["ready"])


class KeepsGoing(LabTest):
    def test_template_that_matches_nothing(self):
        daemon = self.start(config={"sandboxes": {"platforms": [], "templates": ["/nowhere-at-all/{function}"]}})
        self.assertIn("/nowhere-at-all", daemon.log())
        _, metrics = daemon.metrics()
        self.assertIn('fnshield_template_parents{template="/nowhere-at-all/{function}"} 0', metrics)
        self.assertEqual(daemon.sandboxes(), [])

    def test_sandbox_that_dies_during_start(self):
        daemon = self.start()
        function = python_function(self.lab, "acme", "thumbnail", "i-1", 8083)
        function.command = ["/usr/bin/python3", "-c", "raise SystemExit(7)"]
        with function:
            self.assertEqual(function.process.wait(20), 7)
        row = wait_until("the sandbox to be gone", lambda: next(
            (row for row in daemon.sandboxes() if row["cgroup"] == function.cgroup and row["state"] == "gone"), None))
        self.assertIsNotNone(row["cold_start_seconds"]["setup"])
        self.assertIsNone(row["cold_start_seconds"]["init"])
        self.assertEqual(daemon.alerts(), [])
        self.assertEqual(daemon.events()[1], 0)

    def test_full_disk_under_the_outputs(self):
        disk = self.lab.folder / "disk"
        disk.mkdir()
        run("mount", "-t", "tmpfs", "-o", "size=16k", "none", disk)
        self.addCleanup(run, "umount", disk)
        path = disk / "alerts.jsonl"
        daemon = self.start(config={"outputs": [{"type": "jsonl", "stream": "alerts", "path": str(path)}]})
        victim = self.lab.cgroup(f"{self.lab.cgroup_root}/acme/victim/i-1")
        with open(disk / "filler", "wb") as filler:
            filled = 0
            try:
                while True:
                    filled += os.write(filler.fileno(), bytes(1024))
            except OSError:
                pass
        self.assertGreater(filled, 0)
        self.fileless_exec(victim)
        wait_until("the alert in the daemon", lambda: json.loads(daemon.cli("alerts").stdout))
        self.assertEqual(path.read_text(), "")  # nothing fits, and no half line
        self.assertTrue(daemon.status()["ready"])
        os.unlink(disk / "filler")
        wait_until("the alert on the disk", lambda: path.read_text().endswith("\n"))
        alert = json.loads(path.read_text().splitlines()[0])
        self.assertEqual(alert["rule"], "function.fileless_exec")

    def fileless_exec(self, cgroup):
        """In a bare cgroup sandbox: a first program, which then runs another from a memfd."""
        code = ("import os\nfd = os.memfd_create('payload')\nos.write(fd, open('/usr/bin/true', 'rb').read())\n"
                "os.execv(f'/proc/self/fd/{fd}', ['payload'])\n")

        def enter():
            with open(cgroup / "cgroup.procs", "w") as procs:
                procs.write("0")

        subprocess.run(["/usr/bin/python3", "-c", code], preexec_fn=enter, check=True)


class Stops(LabTest):
    def test_sigterm_within_two_seconds_and_nothing_is_lost(self):
        daemon = self.start()
        victim = self.lab.cgroup(f"{self.lab.cgroup_root}/acme/victim/i-1")
        KeepsGoing.fileless_exec(self, victim)
        began = time.monotonic()
        self.assertEqual(daemon.stop(signal.SIGTERM, limit=2), 0)
        self.assertLess(time.monotonic() - began, 2)
        self.assertEqual([alert["rule"] for alert in daemon.alerts()], ["function.fileless_exec"])

    def test_kill_9_leaves_nothing_behind_and_a_restart_sees_the_running(self):
        daemon = self.start()
        with python_function(self.lab, "acme", "resnet", "i-1", 8081) as resnet:
            resnet.wait_until_serving()
            daemon.wait_for_state(resnet, "serving")
            ours = bpf_programs_of(daemon.process.pid)
            self.assertLessEqual(ours, bpf_programs())
            self.assertGreater(len(ours), 10)
            daemon.stop(signal.SIGKILL)
            wait_until("the kernel to free the programs", lambda: not ours & bpf_programs())
            daemon.start()
            row = daemon.sandbox(resnet)
            self.assertIsNotNone(row)
            self.assertIn(row["state"], ("ready", "serving"))
            self.assertTrue(row["adopted"])
            resnet.request()
            daemon.wait_for_state(resnet, "serving")

    def test_sighup_reloads_and_a_bad_file_keeps_the_old_state(self):
        daemon = self.start(policies={"acme.yaml": "version: 1\nname: acme\nmatch: { tenant: acme }\nextends: default\n"})
        good = daemon.policy_dir / "acme.yaml"
        names = lambda: {policy["name"] for policy in daemon.status()["policies"]}  # noqa: E731
        self.assertIn("acme", names())
        good.write_text("version: 1\nname: emca\nmatch: { tenant: acme }\nextends: default\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_until("the new policy", lambda: "emca" in names() and "acme" not in names())
        good.write_text("version: 1\nname: broken\nmatch: { tenan: acme }\n")
        daemon.process.send_signal(signal.SIGHUP)
        wait_until("the reload to fail", lambda: f"{good}:3:10" in daemon.log())
        self.assertIn("emca", names())
        _, metrics = daemon.metrics()
        self.assertIn("fnshield_config_last_reload_successful 0", metrics)


if __name__ == "__main__":
    main()
