# SPDX-License-Identifier: Apache-2.0
"""A virtual machine monitor does what a guest that broke out of it would do."""
import pathlib
import shutil

from cases import Rule

rule = Rule("isolation.vmm_escape", severity="critical")

QEMU = shutil.which("qemu-system-x86_64")
CONTACT = "import socket\ntry:\n    socket.create_connection(('10.66.0.9', 8704), 1)\nexcept OSError:\n    pass"


MONITOR = ("import socket, time\ns = socket.socket(socket.AF_UNIX)\nwhile s.connect_ex('/tmp/monitor'):\n    time.sleep(0.05)\n"
           "s.recv(100)\ns.sendall(b'info status\\n')\ns.recv(100)")


def needs_qemu():
    return "" if QEMU else "qemu-system-x86_64 is not installed"


def taken_over(case, name="firecracker"):
    """The agent under the VMM's name: who broke out acts as that process."""
    return case.container(command=[f"/app/{name}", "/app/agent.py"],
                          files={f"app/{name}": pathlib.Path("/usr/bin/python3").read_bytes()})


@rule.attack("it runs a shell")
def _(case):
    function = taken_over(case)
    case.act()
    function.run("/usr/bin/sh", "-c", "true")


@rule.attack("it contacts an address")
def _(case):
    function = taken_over(case, "cloud-hypervisor")
    case.act()
    function.python(CONTACT)


@rule.attack("it reads the memory of another sandbox")
def _(case):
    victim = case.bare("victim")
    folder = case.folder()
    vmm = folder / "firecracker"
    shutil.copy("/usr/bin/python3", vmm)
    attacker = case.bare(command=[str(vmm), str(pathlib.Path(__file__).parents[2] / "evaluate" / "agent.py")])
    case.act()
    attacker.python(f"open('/proc/{victim.pid()}/environ', 'rb').read()")


@rule.quiet("qemu boots a machine with a monitor on a UNIX socket", needs=needs_qemu)
def _(case):
    function = case.container(command=[
        QEMU, "-M", "none", "-accel", "tcg", "-nodefaults", "-display", "none", "-monitor", "unix:/tmp/monitor,server,nowait"],
        ready=False)
    case.stage.wait_for_event(function.cgroup, "sandbox_started")
    function.runc("exec", function.name, "/usr/bin/python3", "-c", MONITOR)
