# SPDX-License-Identifier: Apache-2.0
"""The installed service under a real systemd: this machine's root, with a layer of its own on top, booted in a container.

`cmake --install` puts the files there as a distribution would; the unit is started, reloaded and stopped by systemd. The
container is a pid namespace of its own, so this also proves that the daemon knows itself there.
"""
import contextlib
import json
import os
import pathlib
import subprocess

from support import BUILD, USED, LabTest, capabilities_of, main
from lab import cgroup2_mount, run, wait_until

# Nothing but what the service needs: the machine's own units have no business in the container.
TARGET = """[Unit]
Description=Proof of fnshieldd.service
DefaultDependencies=no
Requires=proof.service
"""

# Wanted, not required: the script must outlive the service that it stops, and say why one did not start.
SERVICE = """[Unit]
DefaultDependencies=no
Wants=systemd-journald.socket systemd-journald.service fnshieldd.service
After=systemd-journald.socket systemd-journald.service fnshieldd.service
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/bin/sh /proof/run
StandardOutput=file:/proof/output
StandardError=file:/proof/output
TimeoutStartSec=30
"""

DROP_IN = """[Unit]
DefaultDependencies=no
[Service]
TimeoutStartSec=20
"""

SCRIPT = """set -x
cd /proof
systemctl show fnshieldd -p ActiveState -p SubState -p StatusText -p MainPID -p NRestarts > started
fnshield status --json > status.json
stat -c %G:%a /run/fnshield/control.sock > socket
grep -E '^(Cap|Uid|NoNewPrivs)' "/proc/$(systemctl show fnshieldd -P MainPID)/status" > privileges
stat -c %n:%U:%a /run/fnshield /var/lib/fnshield /var/log/fnshield /var/log/fnshield/alerts.jsonl > folders
id -u fnshield > uid
systemctl reload fnshieldd && fnshield status --json > reloaded.json
systemctl stop fnshieldd
systemctl show fnshieldd -p ActiveState -p Result -p ExecMainStatus > stopped
journalctl --sync
journalctl --no-pager -o cat -u fnshieldd > journal
cat journal
"""

BOOT_LIMIT_S = 60


class Systemd(LabTest):
    def setUp(self):
        super().setUp()
        layer, self.root = self.lab.folder / "layer", self.lab.folder / "root"
        layer.mkdir()
        self.root.mkdir()
        run("mount", "-t", "tmpfs", "none", layer)
        self.addCleanup(run, "umount", layer)
        for folder in ("upper", "work"):
            (layer / folder).mkdir()
        run("mount", "-t", "overlay", "overlay",
            "-o", f"lowerdir=/,upperdir={layer}/upper,workdir={layer}/work", self.root)
        self.addCleanup(run, "umount", self.root)
        self.proof = self.root / "proof"
        self.proof.mkdir()
        self.console = ""

    def file(self, name):
        path = self.proof / name
        self.assertTrue(path.exists(), f"{name} is missing; the script said:\n{self.output()}")
        return path.read_text()

    def output(self):
        path = self.proof / "output"
        return self.console + (path.read_text() if path.exists() else "")

    def boot(self):
        units = self.root / "etc/systemd/system"
        (units / "proof.target").write_text(TARGET)
        (units / "proof.service").write_text(SERVICE)
        drop_in = units / "fnshieldd.service.d"
        drop_in.mkdir()
        (drop_in / "proof.conf").write_text(DROP_IN)
        (self.proof / "run").write_text(SCRIPT)
        # Only with --console=read-only is there a /dev/console to log to where the test has no terminal.
        with self.machine("--capability=all", "--system-call-filter=bpf perf_event_open", "--console=read-only", "-b",
                          "systemd.unit=proof.target", "systemd.log_target=console", "systemd.log_color=0",
                          "systemd.show_status=1") as machine:
            self.console, _ = machine.communicate(timeout=BOOT_LIMIT_S)
        self.assertEqual(machine.returncode, 0, self.output())

    @contextlib.contextmanager
    def machine(self, *options):
        """systemd-nspawn under the lab's cgroup, which the lab removes; all of it is dead when this is left."""
        top = cgroup2_mount() / self.lab.id
        machine = subprocess.Popen(
            ["systemd-nspawn", "-q", "-D", str(self.root), "-M", self.lab.id, "--register=no", "--keep-unit",
             "--private-network", "--link-journal=no", *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            preexec_fn=lambda: (top / "cgroup.procs").write_text("0"))
        try:
            yield machine
        finally:
            machine.kill()  # its init has asked to die with it, and takes the pid namespace along
            machine.wait()
            machine.stdout.close()
            wait_until("the container is empty", lambda: "populated 0" in (top / "cgroup.events").read_text())
            with contextlib.suppress(FileNotFoundError):  # what nspawn leaves where /run is no tmpfs
                pathlib.Path("/run/systemd/nspawn/propagate", self.lab.id).rmdir()

    def test_the_service_starts_reloads_and_stops(self):
        run("cmake", "--install", BUILD, "--prefix", "/usr", env={**os.environ, "DESTDIR": str(self.root)})
        unit = (self.root / "usr/lib/systemd/system/fnshieldd.service").read_text()
        self.assertIn("ExecStart=/usr/sbin/fnshieldd", unit)
        run("systemd-sysusers", f"--root={self.root}")  # as a package does when it is installed
        self.boot()
        started = dict(line.split("=", 1) for line in self.file("started").splitlines())
        self.assertEqual((started["ActiveState"], started["SubState"]), ("active", "running"), self.output())
        self.assertEqual(started["NRestarts"], "0")
        status = json.loads(self.file("status.json"))
        self.assertTrue(status["ready"], status["not_ready"])  # READY=1 came only when armed
        self.assertEqual(status["policy_dir"], "/etc/fnshield/policies")
        self.assertTrue(json.loads(self.file("reloaded.json"))["ready"])
        self.assertEqual(self.file("socket").strip(), "fnshield:660")
        privileges = {line.split()[0]: line.split()[1] for line in self.file("privileges").splitlines()}
        self.assertEqual(privileges["Uid:"], self.file("uid").strip())
        self.assertNotEqual(privileges["Uid:"], "0")
        self.assertEqual(privileges["NoNewPrivs:"], "1")
        self.assertEqual(capabilities_of(privileges["CapBnd:"]), USED)
        self.assertEqual(capabilities_of(privileges["CapPrm:"]), USED - {"perfmon"})
        self.assertEqual(status["missing_capabilities"], [])
        self.assertEqual(self.file("folders").split(), [
            "/run/fnshield:fnshield:755", "/var/lib/fnshield:fnshield:750", "/var/log/fnshield:fnshield:750",
            "/var/log/fnshield/alerts.jsonl:fnshield:640"])
        stopped = dict(line.split("=", 1) for line in self.file("stopped").splitlines())
        self.assertEqual((stopped["ActiveState"], stopped["Result"], stopped["ExecMainStatus"]), ("inactive", "success", "0"))
        self.assertIn("ready: the first heartbeat came back", self.file("journal"))


if __name__ == "__main__":
    main()
