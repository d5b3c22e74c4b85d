# SPDX-License-Identifier: Apache-2.0
"""The quiet hour: what a healthy node does, for a while and under load, with the default policy. Not one alert above low.

Ordinary functions serve all the time: Node.js with functions-framework, Python with numpy, a classic watchdog that forks a
program a request, workers that share a port, a browser-like user of user namespaces, one that keeps a connection to its
database, asks its resolver and writes caches. Meanwhile the platform probes them (runc exec), freezes and thaws them, starts
and ends others, and the host installs packages and attaches a debugger.
"""
import contextlib
import itertools
import json
import os
import shutil
import threading
import time

import stage as stages
from stage import PYTHON, Bare, Container, LabError, lab

RANK = ["low", "medium", "high", "critical"]

# A user namespace for what it renders, made before it is ready, as a browser's zygote does.
BROWSER = ("import ctypes, os, time\nend, done = os.pipe()\nif os.fork() == 0:\n    ctypes.CDLL(None).unshare(0x10000000)\n"
           "    os.write(done, b'x')\n    while True:\n        time.sleep(1)\nos.read(end, 1)\n")
# Its database on a connection that it keeps, its own secret, a cache.
WORKER = ("import os, socket\nopen('/run/secrets/key').read()\nos.makedirs('/tmp/cache', exist_ok=True)\n"
          "DB = socket.create_connection(('10.66.0.9', 8700), 5)\n")
REQUEST = ("import hashlib, os, socket, subprocess, tempfile\n"
           "with tempfile.NamedTemporaryFile(dir='/tmp/cache') as cache:\n    cache.write(os.urandom(4096))\n"
           "result = hashlib.sha256(open('/app/agent.py', 'rb').read()).hexdigest()\n"
           "query = b'\\x12\\x34\\x01\\x00\\x00\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x06models\\x07example\\x00\\x00\\x01\\x00\\x01'\n"
           "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(query, ('127.0.0.53', 53))\n"
           "subprocess.run(['/usr/bin/date'], capture_output=True)\n")


class Busy:
    """Calls `act` again and again in a thread of its own, until told to stop; how often it did."""

    def __init__(self, act, pause):
        self.act, self.pause, self.times, self.failures = act, pause, 0, []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.over.is_set():
            try:
                self.act()
                self.times += 1
            except (LabError, OSError) as error:
                self.failures.append(str(error))
            self.over.wait(self.pause)

    def stop(self):
        self.over.set()
        self.thread.join(60)


def functions(stage, stack):
    """The functions that serve for the whole time, by name, and how a request to each is made."""
    def started(sandbox):
        stack.enter_context(sandbox)
        sandbox.wait_until_serving()
        return sandbox

    secret = {"run/secrets/key": b"key"}
    resize = started(lab.node_function(stage.lab, stages.TENANT, "resize", "i-0", stage.next_port()))
    resnet = started(lab.python_function(stage.lab, stages.TENANT, "resnet", "i-0", stage.next_port()))
    watchdog = started(Container(stage, "watchdog"))
    workers = started(Container(stage, "workers", workers=4))
    browser = started(Container(stage, "browser", init=BROWSER))
    worker = started(Container(stage, "worker", files=secret, init=WORKER))
    frozen = started(Bare(stage, "frozen"))
    return [
        (resize, lambda: resize.request()),
        (resnet, lambda: resnet.request("POST", "/", bytes(1024))),
        (watchdog, lambda: watchdog.run(PYTHON, "-c", "print(input())", text="hello\n")),
        (workers, lambda: workers.ask()),
        (browser, lambda: browser.python("import os\nos.waitpid(os.posix_spawn('/usr/bin/date', ['date'], {}), 0)")),
        (worker, lambda: worker.python(REQUEST)),
        (frozen, lambda: frozen.ask()),
    ]


def freeze(sandbox):
    sandbox.pause()
    time.sleep(0.2)
    sandbox.resume()
    sandbox.ask()


def come_and_go(stage, names=itertools.count()):
    """A function that is scaled from zero, serves and is scaled down again."""
    with Container(stage, f"burst-{next(names) % 4}") as sandbox:
        sandbox.wait_until_serving()
        for _ in range(3):
            sandbox.ask()


def install_on_host(folder):
    package = folder / "package"
    package.mkdir(exist_ok=True)
    (package / "package.json").write_text(json.dumps({"name": "quiet", "version": "1.0.0"}))
    lab.run("npm", "install", "--prefix", str(folder / "host"), "--offline", "--no-audit", str(package), cwd=str(folder))
    shutil.rmtree(folder / "host", ignore_errors=True)


def debug_on_host(stage, sandbox):
    if shutil.which("gdb"):
        lab.run("gdb", "-p", str(sandbox.pid()), "--batch", "-ex", "info registers", check=False)
    lab.run(stage.trigger, "ptrace_seize", str(sandbox.pid()), check=False)
    lab.run("ps", "-ef", check=False)


def run(build, seconds):
    with lab.Lab("quiet") as node, contextlib.ExitStack() as stack:
        daemon = stack.enter_context(lab.Daemon(node, os.path.abspath(build)))
        stage = stack.enter_context(stages.Stage(node, build, daemon))
        stack.enter_context(node.serve(8700, b"", "0.0.0.0"))
        serving = functions(stage, stack)
        watchdog, frozen = serving[2][0], serving[6][0]
        requests = [Busy(request, 0.02) for sandbox, request in serving if sandbox is not frozen]
        around = [
            Busy(lambda: freeze(frozen), 0.5),
            Busy(lambda: watchdog.runc("exec", watchdog.name, "/usr/bin/sh", "-c", "test -r /app/agent.py"), 2),
            Busy(lambda: come_and_go(stage), 1),
            Busy(lambda: install_on_host(node.folder), 20),
            Busy(lambda: debug_on_host(stage, watchdog), 10),
        ]
        began = time.monotonic()
        while (left := seconds - (time.monotonic() - began)) > 0:
            print(f"quiet hour: {left:.0f} s to go, {sum(busy.times for busy in requests)} requests, "
                  f"{len(daemon.alerts())} alerts", flush=True)
            time.sleep(min(left, 30))
        for busy in [*requests, *around]:
            busy.stop()
        daemon.settle()
        events, lost = daemon.events()
        loud = {alert["id"]: alert for alert in daemon.alerts() if RANK.index(alert["severity"]) > 0}
        failures = [failure for busy in [*requests, *around] for failure in busy.failures]
    if failures:
        raise LabError(f"{len(failures)} acts of the quiet hour failed, the first: {failures[0]}")
    return {"seconds": seconds, "functions": len(serving), "requests": sum(busy.times for busy in requests),
            "sandboxes": len(serving) + around[2].times, "events": events, "lost": lost,
            "freezes": around[0].times, "probes": around[1].times,
            "alerts": [f"{alert['rule']}: {alert['summary']}" for alert in loud.values()]}
