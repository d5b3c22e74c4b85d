# SPDX-License-Identifier: Apache-2.0
"""A program of the node is opened for writing. Those of the cases are copies."""
import os
import shutil
import subprocess
import time

from cases import Rule

rule = Rule("isolation.runtime_overwrite", severity="critical", policy={"exec": {"warm": ["/**"]}})


def needs_disk():
    import tempfile
    kind = subprocess.run(["stat", "-f", "-c", "%T", tempfile.gettempdir()], capture_output=True, text=True).stdout.strip()
    return f"the folder for temporary files is on {kind}" if kind in ("tmpfs", "overlayfs") else ""


def program(case, name):
    """A copy that is older than any sandbox made from now on: the clock of files is as coarse as the kernel's tick."""
    path = case.folder() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy("/usr/bin/sleep", path)
    while time.time() < os.stat(path).st_ctime + 0.02:
        pass
    return path


@rule.attack("the runtime, by its path on the host", needs=needs_disk)
def _(case):
    runtime = program(case, "runc")
    function = case.bare()
    case.act()
    function.python(f"open({str(runtime)!r}, 'r+b').close()")


@rule.attack("a program of a host folder that was mounted", needs=needs_disk)
def _(case):
    folder = program(case, "usr/bin/tool").parents[2]
    function = case.container(mounts=[{"destination": "/host", "type": "bind", "source": str(folder),
                                       "options": ["rbind", "rw"]}])
    case.act()
    function.trigger("open_write", "/host/usr/bin/tool")


@rule.attack("the runtime, held by /proc/PID/exe until it is over", needs=needs_disk)
def _(case):
    with subprocess.Popen([program(case, "runc"), "60"]) as runtime:
        function = case.bare()
        function.python(f"import os\nHELD = os.open('/proc/{runtime.pid}/exe', os.O_PATH)")
        runtime.kill()
    case.act()
    function.python("os.close(os.open(f'/proc/self/fd/{HELD}', os.O_WRONLY))")


@rule.quiet("a program of the image, a new one, and one among data")
def _(case):
    folder = program(case, "venv/bin/tool").parents[2]
    function = case.container(files={"opt/tool": b"#!/bin/sh\n"}, mounts=[
        {"destination": "/data", "type": "bind", "source": str(folder), "options": ["rbind", "rw"]}])
    function.python("import os\nos.chmod('/opt/tool', 0o755)\nopen('/opt/tool', 'r+b').close()\n"
                    "open('/data/venv/bin/tool', 'r+b').close()\nopen('/data/new', 'w').close()")
