# SPDX-License-Identifier: Apache-2.0
"""Where the cases act: sandboxes of two kinds that all have the agent in them, and the daemon that watches them.

A `Container` is a runc container with a root of its own: the image read-only below, a writable layer above, as containerd
and docker give it. A `Bare` sandbox is a cgroup and nothing else: its processes see the host's files and process ids.
"""
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))
import lab  # noqa: E402
from lab import LabError, run, wait_until  # noqa: E402

TENANT = "eval"
APP = "/app"
TRIGGER = f"{APP}/trigger"
PYTHON = "/usr/bin/python3"


class Follower:
    """What `fnshield STREAM -f` says, with the time at which it was read."""

    def __init__(self, daemon, *argv):
        self.rows, self.changed = [], threading.Condition()
        self.process = subprocess.Popen(
            [str(daemon.build / "fnshield"), *argv, "-f", "--json", "--run-dir", str(daemon.run_dir)],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        self.thread = threading.Thread(target=self.pump, daemon=True)
        self.thread.start()

    def pump(self):
        for line in self.process.stdout:
            with self.changed:
                self.rows.append((time.monotonic(), json.loads(line)))
                self.changed.notify_all()

    def wait(self, matches, limit):
        """The first row that matches, with its time, or None; also of those that came already."""
        seen = 0
        with self.changed:
            deadline = time.monotonic() + limit
            while True:
                for row in self.rows[seen:]:
                    if matches(row[1]):
                        return row
                seen = len(self.rows)
                left = deadline - time.monotonic()
                if left <= 0 or (self.process.poll() is not None and not self.thread.is_alive()):
                    return None
                self.changed.wait(left)

    def all(self):
        with self.changed:
            return [row for _, row in self.rows]

    def stop(self):
        self.process.terminate()
        self.process.wait(5)
        self.thread.join(5)


class Acting:
    """What a sandbox with the agent in it can be told to do; the subclasses know where it is."""

    port, network = None, None

    def ask(self, order=None, limit=20):
        """One HTTP request. The agent's answer to an order; an error of its own is a LabError."""
        def work():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit)
            with contextlib.closing(connection):
                connection.request("POST" if order else "GET", "/", json.dumps(order) if order else None)
                answer = connection.getresponse()
                return answer.status, answer.read()

        status, body = lab.in_network(self.network.name, work)
        if status != 200:
            raise LabError(f"the agent of {self.cgroup} said {json.loads(body)} to {str(order)[:200]}")
        return json.loads(body)

    def python(self, code, **options):
        """Runs code in the serving process; what it left in `result`."""
        return self.ask({"python": code}, **options)

    def run(self, *argv, text="", check=False, **options):
        """Starts a program as a child of the serving process and waits for it: {"code", "output"}."""
        done = self.ask({"run": [str(word) for word in argv], "input": text}, **options)
        if check and done["code"] != 0:
            raise LabError(f"{' '.join(map(str, argv))} in {self.cgroup}: {done}")
        return done

    def start(self, *argv):
        """Starts one that stays; its pid, in the sandbox's pid namespace."""
        return self.ask({"start": [str(word) for word in argv]})

    def trigger(self, act, *arguments, check=False):
        """An act of tests/attacks, in a child: the trigger's "key=value" lines as a dictionary."""
        done = self.run(self.trigger_path, act, *arguments, check=check)
        return dict(line.split("=", 1) for line in done["output"].splitlines() if "=" in line)

    def secret(self):
        """The address of 64 bytes in the serving process, for others to read."""
        return self.python("import ctypes\nKEPT = ctypes.create_string_buffer(b'secret' * 10, 64)\n"
                           "result = ctypes.addressof(KEPT)")

    def wait_until_serving(self):
        def answers():
            if self.process.poll() is not None:
                raise LabError(f"{self.cgroup} ended with {self.process.returncode}: {self.output()}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.ask(limit=5)

        wait_until(f"{self.cgroup} to serve on port {self.port}", answers, 30)


class Container(Acting, lab.Container):
    trigger_path = TRIGGER

    def __init__(self, stage, function, *, command=None, port=None, environment=None, mounts=(), devices=(), files=None,
                 network=None, privileged=False, init="", workers=0, **options):
        self.stage, self.mounts, self.devices, self.files = stage, list(mounts), list(devices), files or {}
        self.privileged = privileged
        port = port or stage.next_port()
        self.network = network or stage.lab.network
        environment = {**({"INIT": init} if init else {}), **({"WORKERS": str(workers)} if workers else {}),
                       **(environment or {})}
        super().__init__(stage.lab, TENANT, function, stage.next_instance(), command or [PYTHON, f"{APP}/agent.py"], port,
                         environment=environment, **options)

    def spec(self):
        spec = super().spec()
        spec["root"] = {"path": str(self.bundle / "merged"), "readonly": False}
        for namespace in spec["linux"]["namespaces"]:
            if namespace["type"] == "network":
                namespace["path"] = f"/run/netns/{self.network.name}"
        spec["mounts"] = [mount for mount in spec["mounts"] if mount["destination"] != APP] + self.mounts
        spec["linux"]["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}
        spec["linux"]["devices"] = [*self.devices]
        if self.privileged:
            spec["process"]["noNewPrivileges"] = False
        return spec

    def __enter__(self):
        # The image: what lab.Container makes, and the agent, the trigger and the case's own files.
        root = self.bundle / "rootfs"
        (root / "app").mkdir(parents=True)
        shutil.copy(HERE / "agent.py", root / "app" / "agent.py")
        shutil.copy(self.stage.trigger, root / "app" / "trigger")
        for name, content in self.files.items():
            path = root / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            if path.suffix == ".sh" or content[:2] in ("#!", b"#!") or content[:4] == b"\x7fELF":
                path.chmod(0o755)
        for name in ("upper", "work", "merged"):
            (self.bundle / name).mkdir()
        run("mount", "-t", "overlay", "overlay", "-o",
            f"lowerdir={root},upperdir={self.bundle}/upper,workdir={self.bundle}/work", self.bundle / "merged")
        try:
            return super().__enter__()
        except BaseException:
            run("umount", self.bundle / "merged", check=False)
            raise

    def __exit__(self, *exception):
        super().__exit__(*exception)
        run("umount", self.bundle / "merged")
        shutil.rmtree(self.bundle, ignore_errors=True)


class Bare(Acting):
    """A cgroup with the agent in it. It sees the host's files and pids, and runs as root with all that root has here."""

    def __init__(self, stage, function, *, port=None, environment=None, network=None, init="", workers=0, command=None):
        self.stage, self.function, self.instance = stage, function, stage.next_instance()
        self.port = port or stage.next_port()
        self.network = network or stage.lab.network
        self.cgroup = f"{stage.lab.cgroup_root}/{TENANT}/{function}/{self.instance}"
        self.trigger_path = str(stage.trigger)
        self.command = command or [PYTHON, str(HERE / "agent.py")]
        self.environment = {"PATH": "/usr/bin:/usr/sbin", "PORT": str(self.port),
                            **({"INIT": init} if init else {}), **({"WORKERS": str(workers)} if workers else {}),
                            **(environment or {})}
        self.process = None

    def __enter__(self):
        self.directory = self.stage.lab.cgroup(self.cgroup)
        self.log = open(self.stage.lab.folder / f"{self.function}-{self.instance}.output", "w+b")
        netns = os.open(f"/run/netns/{self.network.name}", os.O_RDONLY | os.O_CLOEXEC)

        def enter():
            import ctypes
            if ctypes.CDLL(None).setns(netns, lab.CLONE_NEWNET) != 0:
                os._exit(126)
            (self.directory / "cgroup.procs").write_text("0")

        try:
            self.process = subprocess.Popen(self.command, env=self.environment, preexec_fn=enter, cwd="/",
                                            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        finally:
            os.close(netns)
        return self

    def __exit__(self, *_):
        (self.directory / "cgroup.kill").write_text("1")
        self.process.wait(20)
        self.log.close()
        wait_until(f"{self.cgroup} to be empty",
                   lambda: "populated 0" in (self.directory / "cgroup.events").read_text())
        for folder, _, _ in os.walk(self.directory, topdown=False):
            os.rmdir(folder)

    def output(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def pid(self):
        return self.process.pid

    def pause(self):
        (self.directory / "cgroup.freeze").write_text("1")

    def resume(self):
        (self.directory / "cgroup.freeze").write_text("0")


class Stage:
    """One lab and one daemon for the whole evaluation; `case()` gives what one case acts with, and cleans up after it."""

    def __init__(self, node, build, daemon):
        self.lab, self.daemon = node, daemon
        self.trigger = pathlib.Path(build).resolve() / "trigger"
        self.ports, self.instances, self.barriers = 20000, 0, 0
        self.alerts, self.states = None, None

    def __enter__(self):
        self.alerts = Follower(self.daemon, "alerts")
        self.states = Follower(self.daemon, "events", "--kind", "sandbox_*")
        wait_until("both streams to follow", self.follows, 20)
        return self

    def follows(self):
        with contextlib.suppress(LabError):
            self.barrier(limit=0.5)
            return True

    def __exit__(self, *_):
        self.alerts.stop()
        self.states.stop()

    def next_port(self):
        self.ports += 1
        return self.ports

    def next_instance(self):
        self.instances += 1
        return f"i-{self.instances}"

    def barrier(self, limit=20):
        """All that was done before this call has been through the detectors when it returns."""
        self.barriers += 1
        cgroup = f"{self.lab.cgroup_root}/{TENANT}/barrier/b-{self.barriers}"
        directory = self.lab.cgroup(cgroup)
        try:
            if not self.wait_for_event(cgroup, "sandbox_created", limit):
                raise LabError(f"the daemon did not tell of a new sandbox within {limit} s")
        finally:
            os.rmdir(directory)

    def wait_for_event(self, cgroup, kind, limit=20):
        return self.states.wait(
            lambda event: event["kind"] == kind and (event.get("sandbox") or {}).get("cgroup") == cgroup, limit)


class Case:
    """What a case's function gets: makes sandboxes, and ends them when the case is over."""

    def __init__(self, stage, function):
        self.stage, self.lab, self.function = stage, stage.lab, function
        self.cgroups, self.stack, self.acted = [], contextlib.ExitStack(), None

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return self.stack.__exit__(*exception)

    def enter(self, context):
        return self.stack.enter_context(context)

    def container(self, function=None, ready=True, **options):
        return self._start(Container(self.stage, function or self.function, **options), ready)

    def bare(self, function=None, ready=True, **options):
        return self._start(Bare(self.stage, function or self.function, **options), ready)

    def _start(self, sandbox, ready):
        self.enter(sandbox)
        self.cgroups.append(sandbox.cgroup)
        if ready:
            sandbox.wait_until_serving()
            if not self.stage.wait_for_event(sandbox.cgroup, "sandbox_first_request"):
                raise LabError(f"the daemon did not see {sandbox.cgroup} serve: {self.stage.daemon.sandbox(sandbox)}")
        return sandbox

    def cgroups_of(self, function, count):
        """Bare cgroups, empty, one after the other."""
        for _ in range(count):
            path = f"{self.lab.cgroup_root}/{TENANT}/{function}/{self.stage.next_instance()}"
            self.stack.callback(os.rmdir, self.lab.cgroup(path))
            self.cgroups.append(path)

    def folder(self):
        """An empty folder of the host, which bare sandboxes see."""
        path = self.lab.folder / f"case-{self.stage.next_port()}"
        path.mkdir()
        return path

    def mount_cgroup_v1(self, folder):
        """A hierarchy without controllers; it is gone with the case."""
        run("mount", "-t", "cgroup", "-o", f"none,name={folder.name}", "cgroup", folder)
        self.stack.callback(run, "umount", folder)

    def host_process(self):
        """The pid of one that is in no sandbox."""
        process = self.enter(subprocess.Popen([self.stage.trigger, "hold"], stdin=subprocess.PIPE,
                                              stdout=subprocess.DEVNULL))
        self.stack.callback(process.wait)
        self.stack.callback(process.terminate)
        return process.pid

    def on_host(self, *argv):
        """A program outside of all sandboxes."""
        return run(*argv, check=False)

    def on_host_network(self, code):
        """Python outside of all sandboxes, on the node's network."""
        return lab.in_network(self.lab.network.name, lambda: run(PYTHON, "-c", code))

    def network(self):
        """A network namespace of the case's own, with the node's addresses on its loopback."""
        return self.enter(lab.Network(f"{self.lab.id}-{self.stage.next_port()}"))

    def act(self):
        """The attack begins now: the time to its alert counts from here. Without it, from the end of the set-up."""
        self.acted = time.monotonic()

    def outlive(self, sandbox, seconds):
        """Until the sandbox is so much older: for rules that look at ages."""
        started = time.monotonic()
        wait_until(f"{sandbox.cgroup} to be {seconds} s older", lambda: time.monotonic() >= started + seconds, seconds + 10)

    @staticmethod
    def wait_until(what, condition):
        return wait_until(what, condition, 20)

    def serve(self, port, body):
        """An HTTP server outside of all sandboxes that answers with `body`, until the case is over."""
        self.enter(self.lab.serve(port, body, "0.0.0.0"))

    def sink(self):
        """A port of every address of the lab's network where somebody outside of all sandboxes takes all that comes."""
        def listen():
            server = socket.create_server(("0.0.0.0", port), backlog=64)
            datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            datagrams.bind(("0.0.0.0", port))
            return server, datagrams

        def take():
            with contextlib.suppress(OSError):  # closed: the case is over
                while True:
                    with server.accept()[0] as connection:
                        while connection.recv(1 << 16):
                            pass

        port = self.stage.next_port()
        server, datagrams = lab.in_network(self.lab.network.name, listen)
        self.stack.callback(datagrams.close)
        taker = threading.Thread(target=take, daemon=True)
        taker.start()
        self.stack.callback(taker.join, 5)
        self.stack.callback(server.close)
        self.stack.callback(server.shutdown, socket.SHUT_RDWR)
        return port

    def listener(self):
        """A port of 10.66.0.9, outside of all sandboxes, where somebody answers."""
        port = self.stage.next_port()
        self.serve(port, b"")
        return port

    def cgroup2(self):
        return lab.cgroup2_mount()

    def later_than_init(self, sandbox):
        """Once the time is over in which extensions register: a freeze ends it."""
        self.freeze_and_thaw(sandbox)
        sandbox.ask()

    def freeze_and_thaw(self, sandbox, seconds=0):
        """Frozen for `seconds` at least, for what looks at the clock inside."""
        sandbox.pause()
        if not self.stage.wait_for_event(sandbox.cgroup, "sandbox_frozen"):
            raise LabError(f"the daemon did not see {sandbox.cgroup} frozen")
        time.sleep(seconds)  # what the case is about: the time that passes for the frozen
        thawed = len([event for event in self.stage.states.all() if event["kind"] == "sandbox_thawed"])
        sandbox.resume()
        wait_until("the thaw", lambda: len([event for event in self.stage.states.all()
                                            if event["kind"] == "sandbox_thawed"]) > thawed)
