# SPDX-License-Identifier: Apache-2.0
"""One boot of a virtual machine: emulated (no KVM needed), console and report on two serial lines to files."""
import ctypes
import pathlib
import signal
import subprocess

# 6.12 and later panic now and then on QEMU 7.2's cmpxchg16b: -cx16.
QEMU = ["qemu-system-x86_64", "-cpu", "max,-cx16", "-m", "1024", "-nodefaults", "-display", "none", "-no-reboot",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=0x4", "-device", "nvme,drive=root,serial=root"]
QUICK = ["-accel", "tcg,thread=multi", "-smp", "2"]
# Every instruction is a nanosecond and a tick of the guest's time stamp counter, so that the guest can count them.
COUNTING = ["-accel", "tcg,thread=single", "-smp", "1", "-icount", "shift=0"]
# bpf is named: Debian's 5.10 has it built in, but not in its list, and LSM programs would attach there and never fire.
KERNEL_COMMAND_LINE = ("root=/dev/nvme0n1 rw init=/vm/init console=ttyS0 quiet panic=-1 nowatchdog "
                       "lsm=lockdown,yama,apparmor,bpf")
REPORTED = 2 * 16 + 1  # what init.sh ends the machine with; QEMU's own 0 means that it never came to that
TAIL_LINES = 40
PR_SET_PDEATHSIG = 1


def end_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def tail(path):
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError as error:
        return str(error)
    return "\n".join(f"    | {line}" for line in lines[-TAIL_LINES:])


def boot(kernel, disk, folder, limit, speed=QUICK):
    """Boots and waits for the end: (what the guest wrote to its report line, what went wrong or None)."""
    console, report = folder / "console.log", folder / "report.txt"
    for old in (console, report):
        old.unlink(missing_ok=True)
    command = [*QEMU, *speed, "-kernel", kernel.image, "-append", KERNEL_COMMAND_LINE,
               "-drive", f"file={disk},if=none,id=root,format=raw,cache=unsafe",
               "-serial", f"file:{console}", "-serial", f"file:{report}"]
    with open(folder / "qemu.log", "w") as log:
        qemu = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                preexec_fn=end_with_parent)
        try:
            code = qemu.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            if qemu.poll() is None:
                qemu.kill()
                qemu.wait()
    said = pathlib.Path(report).read_text(errors="replace") if report.exists() else ""
    if code == REPORTED:
        return said, None
    why = f"not done after {limit} s" if code is None else f"QEMU ended with {code}: the guest never reported"
    return said, f"{why}\n{(folder / 'qemu.log').read_text()}{tail(console)}"
