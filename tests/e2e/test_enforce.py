# SPDX-License-Identifier: Apache-2.0
"""What the daemon does beyond alerts: acts that the kernel refuses or kills, freezes, and what monitor mode leaves."""
import json
import os
import subprocess

from support import LabTest, main
from lab import wait_until

POLICY = """version: 1
name: acme
match: {{ tenant: acme }}
extends: default
exec: {{ init: [ /bin/true ] }}
rules:
  coldstart.init_exec: {{ action: {exec} }}
  function.fileless_exec: {{ action: {fileless} }}
"""


class Enforces(LabTest):
    def begin(self, mode, exec="deny", fileless="alert"):
        daemon = self.start(config={"mode": mode},
                            policies={"acme.yaml": POLICY.format(exec=exec, fileless=fileless)})
        return daemon, self.lab.cgroup(f"{self.lab.cgroup_root}/acme/victim/i-1")

    def run_in(self, cgroup, *argv):
        """In a bare cgroup sandbox; what it wrote."""
        def enter():
            with open(cgroup / "cgroup.procs", "w") as procs:
                procs.write("0")

        return subprocess.run(argv, preexec_fn=enter, capture_output=True, text=True, timeout=20)

    def shell(self, daemon, cgroup):
        # The daemon knows the sandbox by name before anything runs in it, as a runtime's set-up would give it time to.
        wait_until("the sandbox to be known", lambda: daemon.sandboxes())
        daemon.settle()
        return self.run_in(cgroup, "/bin/sh", "-c", "/bin/true && echo listed; /bin/echo survived; echo status=$?")

    def actions(self, daemon):
        _, metrics = daemon.metrics()
        return [line for line in metrics.splitlines() if line.startswith("fnshield_actions_total")]

    def test_an_unlisted_exec_is_kept_from_running(self):
        daemon, cgroup = self.begin("enforce")
        done = self.shell(daemon, cgroup)
        self.assertIn("listed", done.stdout)
        self.assertNotIn("survived", done.stdout)
        alert = daemon.wait_for_alert("coldstart.init_exec")
        lsm = "backend lsm" in daemon.log()
        self.assertIn("status=126" if lsm else "status=137", done.stdout)
        self.assertEqual(alert["action"], {"requested": "deny", "taken": "deny" if lsm else "kill"})
        self.assertEqual(alert["target"]["file"], "/usr/bin/echo")
        self.assertIn('fnshield_actions_total{action="deny",result="taken"} 1', self.actions(daemon))
        if not lsm:
            self.assertIn("policy acme: deny of exec is done by kill here", daemon.log())

    def test_monitor_mode_touches_nothing(self):
        daemon, cgroup = self.begin("monitor")
        done = self.shell(daemon, cgroup)
        self.assertIn("survived\nstatus=0", done.stdout)
        alert = daemon.wait_for_alert("coldstart.init_exec")
        self.assertEqual(alert["action"], {"requested": "deny", "taken": "none"})
        self.assertIn('fnshield_actions_total{action="deny",result="none"} 1', self.actions(daemon))

    def test_a_sandbox_is_frozen(self):
        daemon, cgroup = self.begin("enforce", exec="alert", fileless="freeze")
        code = ("import os\nfd = os.memfd_create('payload')\nos.write(fd, open('/usr/bin/sleep', 'rb').read())\n"
                "os.execv(f'/proc/self/fd/{fd}', ['payload', '60'])\n")

        def enter():
            with open(cgroup / "cgroup.procs", "w") as procs:
                procs.write("0")

        payload = subprocess.Popen(["/usr/bin/python3", "-c", code], preexec_fn=enter)
        self.addCleanup(payload.wait)
        self.addCleanup(payload.kill)
        alert = daemon.wait_for_alert("function.fileless_exec")
        self.assertEqual(alert["action"], {"requested": "freeze", "taken": "freeze"})
        wait_until("the sandbox to be frozen", lambda: "frozen 1" in (cgroup / "cgroup.events").read_text())
        (cgroup / "cgroup.freeze").write_text("0")

    def test_a_reload_changes_what_may_run(self):
        daemon, cgroup = self.begin("enforce", exec="alert")
        self.assertIn("survived", self.shell(daemon, cgroup).stdout)
        (self.lab.folder / "policies" / "acme.yaml").write_text(POLICY.format(exec="kill", fileless="alert"))
        os.kill(daemon.process.pid, 1)
        wait_until("the reload", lambda: "reloaded:" in daemon.log())
        other = self.lab.cgroup(f"{self.lab.cgroup_root}/acme/victim/i-2")
        wait_until("the sandbox to be known", lambda: len(daemon.sandboxes()) > 1)
        daemon.settle()
        done = self.run_in(other, "/bin/sh", "-c", "/bin/echo survived; echo status=$?")
        self.assertNotIn("survived", done.stdout)
        self.assertIn("status=", done.stdout)
        killed = daemon.wait_for_alert("coldstart.init_exec", lambda alert: alert["action"]["requested"] == "kill")
        self.assertEqual(killed["action"]["taken"], "kill")

    def test_what_cannot_be_done_is_an_error_at_its_place(self):
        policies = self.lab.folder / "policies"
        policies.mkdir(exist_ok=True)
        policy = policies / "bad.yaml"
        policy.write_text("version: 1\nname: bad\nmatch: { tenant: bad }\nrules:\n  coldstart.slow: { action: deny }\n")
        config = self.lab.folder / "enforce.yaml"
        config.write_text(json.dumps({"version": 1, "mode": "enforce", "policy_dir": str(policies)}))
        done = self.run_daemon("--config", config, "--check")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn(f"{policy}:5:29: rule coldstart.slow: 'deny' cannot be done", done.stdout)
        policy.write_text(policy.read_text().replace("action: deny", "action: deny, on_unsupported: alert"))
        done = self.run_daemon("--config", config, "--check")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("it alerts only", done.stdout)


if __name__ == "__main__":
    main()
