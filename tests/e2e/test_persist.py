# SPDX-License-Identifier: Apache-2.0
"""enforcement.persist: what a policy denies stays denied while the daemon is stopped, killed and replaced."""
import pathlib
import signal
import subprocess

from support import BUILD, LabTest, bpf_programs, main
from lab import run, wait_until

POLICY = """version: 1
name: acme
match: { tenant: acme }
extends: default
exec: { init: [ /bin/true ] }
rules: { coldstart.init_exec: { action: deny } }
"""


class Function:
    """A shell that is the workload of a bare cgroup sandbox, and does as it is told."""

    def __init__(self, cgroup):
        def enter():
            with open(cgroup / "cgroup.procs", "w") as procs:
                procs.write("0")

        self.shell = subprocess.Popen(["/bin/sh"], preexec_fn=enter, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, text=True)

    def end(self):
        self.shell.kill()
        self.shell.communicate()

    def run(self, command):
        """What it prints."""
        self.shell.stdin.write(f"{command}\necho done\n")
        self.shell.stdin.flush()
        said = list(iter(self.shell.stdout.readline, "done\n"))
        return "".join(said)

    def attack(self):
        """What an unlisted program said; empty where it did not run."""
        return self.run("/bin/true && /bin/echo survived")


class Persists(LabTest):
    def setUp(self):
        super().setUp()
        self.before = bpf_programs()
        bpffs = self.lab.folder / "bpf"
        bpffs.mkdir()
        run("mount", "-t", "bpf", "bpf", bpffs)
        self.addCleanup(run, "umount", bpffs)
        self.pin_dir = bpffs / "fnshield"

    def daemon_that(self, persists):
        return self.daemon(config={"mode": "enforce", "enforcement": {"persist": persists, "pin_dir": str(self.pin_dir)}},
                           policies={"acme.yaml": POLICY})

    def function(self, name, daemon=None):
        """A sandbox that `daemon` knows by its name before anything runs in it, where there is one."""
        cgroup = self.lab.cgroup(f"{self.lab.cgroup_root}/acme/victim/{name}")
        if daemon:
            wait_until("the sandbox to be known",
                       lambda: any(row["cgroup"].endswith(f"/{name}") for row in daemon.sandboxes()))
            daemon.settle()
        made = Function(cgroup)
        self.addCleanup(made.end)
        return made

    def links(self):
        return {folder.name: {link.name for link in folder.iterdir()}
                for folder in self.pin_dir.iterdir() if folder.name.startswith("links-")}

    def programs_left(self):
        return bpf_programs() - self.before

    def unpin(self):
        return run(BUILD / "fnshield", "doctor", "--unpin", "--pin-dir", self.pin_dir).stdout

    def test_deny_holds_while_the_daemon_is_away_and_after_its_return(self):
        first = self.enterContext(self.daemon_that(persists=True))
        function = self.function("i-1", first)
        self.assertEqual(function.attack(), "")
        first.stop(signal.SIGKILL)
        self.assertEqual(function.attack(), "")
        self.assertEqual(self.function("made-meanwhile").attack(), "")

        links_of_first = self.links()
        second = self.enterContext(self.daemon_that(persists=True))
        self.assertEqual(len(self.links()), 1)
        self.assertTrue(set(self.links()).isdisjoint(links_of_first), "the links are those of the second start")
        self.assertEqual({pathlib.Path(row["cgroup"]).name for row in second.sandboxes()}, {"i-1", "made-meanwhile"})
        self.assertEqual(function.attack(), "")
        # What was done while nobody was there to tell of it stood in the ring.
        alert = second.wait_for_alert("coldstart.init_exec")
        self.assertIn(alert["action"]["taken"], ("deny", "kill"))
        second.stop()
        self.assertEqual(function.attack(), "")

        self.assertIn("objects unpinned", self.unpin())
        self.assertFalse(self.pin_dir.exists())
        wait_until("the kernel to let go of the programs", lambda: not self.programs_left())
        self.assertEqual(function.attack(), "survived\n")

    # An act that goes on as long as a start does: at no moment is there neither the old programs nor the new ones.
    def test_there_is_no_gap_while_one_daemon_replaces_another(self):
        first = self.enterContext(self.daemon_that(persists=True))
        function = self.function("i-1", first)
        first.stop()
        survived, end = self.lab.folder / "survived", self.lab.folder / "end"
        function.shell.stdin.write(f"while ! [ -e {end} ]; do /bin/mkdir {survived}; done\n")
        function.shell.stdin.flush()
        self.enterContext(self.daemon_that(persists=True))
        end.touch()
        self.assertEqual(function.run(":"), "")
        self.assertFalse(survived.exists())
        self.unpin()

    def test_without_persist_nothing_is_left(self):
        first = self.enterContext(self.daemon_that(persists=True))
        function = self.function("i-1", first)
        first.stop()
        second = self.enterContext(self.daemon_that(persists=False))
        wait_until("what is pinned to be removed", lambda: not self.pin_dir.exists())
        self.assertIn("left pinned", second.log())
        second.stop()
        wait_until("the kernel to let go of the programs", lambda: not self.programs_left())
        self.assertEqual(function.attack(), "survived\n")

    def test_where_there_is_no_bpffs_it_says_what_helps(self):
        config = self.lab.folder / "no-bpffs.yaml"
        folder = self.lab.folder / "plain" / "fnshield"
        folder.parent.mkdir()
        config.write_text(f"version: 1\nlisten: off\nrun_dir: {self.lab.folder}/run\n"
                          f"enforcement: {{ persist: true, pin_dir: {folder} }}\n")
        done = self.run_daemon("--config", config)
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("is not on bpffs", done.stderr)
        self.assertIn("mount -t bpf", done.stderr)


if __name__ == "__main__":
    main()
