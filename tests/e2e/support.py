# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests share: where the build is, a lab for each test case, programs of ours in the kernel."""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))
import lab  # noqa: E402

BUILD = pathlib.Path(os.environ.get("FNSHIELD_BUILD", "build")).resolve()
DAEMON = BUILD / "fnshieldd"

# capabilities(7), of those that the daemon works with.
CAPABILITY_BITS = {"kill": 5, "net_admin": 12, "sys_ptrace": 19, "dac_read_search": 2, "perfmon": 38, "bpf": 39}
USED = frozenset(CAPABILITY_BITS)


def capabilities_of(mask):
    """What a line of /proc/PID/status names; what is none of the daemon's is there by its number."""
    names = {bit: name for name, bit in CAPABILITY_BITS.items()}
    return {names.get(bit, bit) for bit in range(64) if int(mask, 16) >> bit & 1}


def bpf_programs_of(pid):
    """Ids of the BPF programs that a process holds, by descriptor or by link."""
    ids = set()
    for info in pathlib.Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):  # a connection that was closed meanwhile
            ids.update(int(line.split()[1]) for line in info.read_text().splitlines() if line.startswith("prog_id:"))
    return ids


def bpf_programs():
    """Ids of all BPF programs in the kernel."""
    tool = next(path for path in ("/usr/sbin/bpftool", "/usr/bin/bpftool") if os.path.exists(path))
    listed = subprocess.run([tool, "-j", "prog", "show"], capture_output=True, text=True, check=True).stdout
    return {program["id"] for program in json.loads(listed)}


class LabTest(unittest.TestCase):
    """A lab in self.lab for each test, gone afterwards whatever happened."""

    def setUp(self):
        self.lab = self.enterContext(lab.Lab(self._testMethodName.removeprefix("test_")[:20].replace("_", "-")))

    def daemon(self, **options):
        return lab.Daemon(self.lab, BUILD, **options)

    def start(self, **options):
        return self.enterContext(self.daemon(**options))

    def run_daemon(self, *argv, prefix=(), limit=20):
        """Runs fnshieldd to its end."""
        return subprocess.run([*map(str, prefix), str(DAEMON), *map(str, argv)], capture_output=True, text=True,
                              timeout=limit)


def main():
    unittest.main(verbosity=2)
