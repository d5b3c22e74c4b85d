# SPDX-License-Identifier: Apache-2.0
"""A worker node on this machine: a network of its own, real functions in runc containers, the real daemon.

Used by `./dev run` and by the end-to-end tests. Everything is made in `with` blocks and is gone afterwards: containers,
cgroups, the network namespace, processes, the temporary folder. Traffic stays on addresses of that namespace.
"""
import contextlib
import ctypes
import http.client
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import threading
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
FUNCTIONS = SOURCE / "examples" / "functions"
CLONE_NEWNET = 0x40000000

# On lo of the lab's own namespace. All of 10.66.7.0/24 answers there, and is nobody's own address but the first.
NODE_ADDRESSES = ["169.254.169.254/32", "10.66.0.9/32", "10.66.7.1/24"]


class LabError(Exception):
    pass


def run(*argv, check=True, **options):
    done = subprocess.run([str(word) for word in argv], capture_output=True, text=True, **options)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(map(str, argv))}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def wait_until(what, condition, limit=10.0):
    """Waits for condition() to be true and returns its value; the error says what was waited for."""
    deadline = time.monotonic() + limit
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise LabError(f"waited {limit:.0f} s in vain for {what}")
        pause.wait(0.02)


def cgroup2_mount():
    with open("/proc/self/mounts") as mounts:
        for line in mounts:
            fields = line.split()
            if fields[2] == "cgroup2":
                return pathlib.Path(fields[1])
    raise LabError("cgroup v2 is not mounted")


def in_network(namespace, work):
    """Calls work() in a thread that has entered a network namespace, and returns what it returns."""
    outcome = {}

    def enter():
        try:
            with open(f"/run/netns/{namespace}") as handle:
                libc = ctypes.CDLL(None, use_errno=True)
                if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            outcome["value"] = work()
        except Exception as error:  # handed to the caller below
            outcome["error"] = error

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


class Network:
    """A network namespace with loopback and a few addresses of its own, so that nothing leaves the machine."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        run("ip", "netns", "add", self.name)
        run("ip", "-n", self.name, "link", "set", "lo", "up")
        for address in NODE_ADDRESSES:
            run("ip", "-n", self.name, "address", "add", address, "dev", "lo")
        return self

    def __exit__(self, *_):
        run("ip", "netns", "delete", self.name, check=False)

    def request(self, port, method="GET", path="/", body=None, limit=10):
        def work():
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=limit)
            with contextlib.closing(connection):
                connection.request(method, path, body)
                answer = connection.getresponse()
                return answer.status, answer.read()

        return in_network(self.name, work)

    def wait_for_port(self, port, limit=20):
        def answers():
            with contextlib.suppress(OSError, http.client.HTTPException):
                return self.request(port, limit=2)[0] < 500

        wait_until(f"HTTP on port {port}", answers, limit)


class Container:
    """One function in a runc container: the host's /usr read-only, the function's folder at /app."""

    def __init__(self, lab, tenant, function, instance, command, port, environment=None, host_pid=False,
                 capabilities=()):
        self.lab, self.function, self.instance, self.port = lab, function, instance, port
        self.name = f"{function}-{instance}-{os.getpid()}"
        self.cgroup = f"{lab.cgroup_root}/{tenant}/{function}/{instance}"
        self.bundle = lab.folder / "bundles" / self.name
        self.command, self.environment = command, environment or {}
        self.host_pid, self.capabilities = host_pid, list(capabilities)
        self.process = None

    def spec(self):
        environment = {"PATH": "/usr/bin:/usr/sbin", "HOME": "/tmp", "PORT": str(self.port),
                       "OPENBLAS_NUM_THREADS": "1", **self.environment}
        namespaces = [{"type": "mount"}, {"type": "ipc"}, {"type": "uts"},
                      {"type": "network", "path": f"/run/netns/{self.lab.network.name}"}]
        if not self.host_pid:
            namespaces.append({"type": "pid"})
        capabilities = ["CAP_NET_BIND_SERVICE", *self.capabilities]

        def bind(source, target):
            return {"destination": target, "type": "bind", "source": str(source),
                    "options": ["rbind", "ro", "nosuid", "nodev"]}

        return {
            "ociVersion": "1.0.2",
            "hostname": self.name,
            "root": {"path": "rootfs", "readonly": True},
            "process": {
                "terminal": False,
                "user": {"uid": 0, "gid": 0},
                "cwd": "/app",
                "args": self.command,
                "env": [f"{name}={value}" for name, value in environment.items()],
                "noNewPrivileges": True,
                "capabilities": {name: capabilities for name in ("bounding", "effective", "permitted")},
            },
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=1777"]},
                bind("/usr", "/usr"),
                bind("/etc/ld.so.cache", "/etc/ld.so.cache"),
                *([bind("/etc/alternatives", "/etc/alternatives")] if os.path.isdir("/etc/alternatives") else []),
                bind(FUNCTIONS / self.function, "/app"),
            ],
            "linux": {"cgroupsPath": self.cgroup, "namespaces": namespaces},
        }

    def __enter__(self):
        root = self.bundle / "rootfs"
        for folder in ("proc", "dev", "tmp", "usr", "etc", "app"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for link in ("bin", "sbin", "lib", "lib64"):
            (root / link).symlink_to(f"usr/{link}")
        (root / "etc" / "ld.so.cache").touch()
        (root / "etc" / "alternatives").mkdir()
        (self.bundle / "config.json").write_text(json.dumps(self.spec(), indent=1))
        self.log = open(self.bundle / "output", "w+b")
        self.process = subprocess.Popen(
            ["runc", "--root", str(self.lab.folder / "runc"), "run", "--bundle", str(self.bundle), self.name],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *_):
        self.runc("delete", "--force", self.name, check=False)
        if self.process:
            self.process.wait(20)
        self.log.close()

    def output(self):
        return (self.bundle / "output").read_text(errors="replace")

    def runc(self, *argv, check=True):
        return run("runc", "--root", self.lab.folder / "runc", *argv, check=check)

    def wait_until_serving(self):
        try:
            self.lab.network.wait_for_port(self.port)
        except LabError as error:
            raise LabError(f"{self.function}/{self.instance} does not serve: {error}\n{self.output()}") from error

    def request(self, method="GET", path="/", body=None):
        return self.lab.network.request(self.port, method, path, body)

    def pid(self):
        """Of the workload, in the host's pid namespace."""
        return json.loads(self.runc("state", self.name).stdout)["pid"]

    def pause(self):
        # On a busy machine runc may give up with "unable to freeze" before the kernel has stopped every thread.
        wait_until(f"runc to pause {self.name}", lambda: self.runc("pause", self.name, check=False).returncode == 0)

    def resume(self):
        self.runc("resume", self.name)


class Daemon:
    """fnshieldd with folders of its own; stopped by SIGTERM."""

    def __init__(self, lab, build, config=None, policies=None, listen="127.0.0.1:0", arguments=(), command=None):
        self.lab, self.build = lab, pathlib.Path(build)
        self.command = list(command or [self.build / "fnshieldd"])
        self.run_dir, self.state_dir = lab.folder / "run", lab.folder / "state"
        self.policy_dir = lab.folder / "policies"
        self.policy_dir.mkdir(exist_ok=True)
        for name, text in (policies or {}).items():
            (self.policy_dir / name).write_text(text)
        self.alerts_path, self.log_path = lab.folder / "alerts.jsonl", lab.folder / "fnshieldd.log"
        self.config_path = lab.folder / "fnshield.yaml"
        settings = {
            "version": 1,
            "node": "lab",
            "listen": listen,
            "run_dir": str(self.run_dir),
            "state_dir": str(self.state_dir),
            "policy_dir": str(self.policy_dir),
            "sandboxes": {"platforms": [], "templates": [f"{lab.cgroup_root}/{{tenant}}/{{function}}/{{instance}}"]},
            "outputs": [{"type": "jsonl", "stream": "alerts", "path": str(self.alerts_path)}],
            **(config or {}),
        }
        self.config_path.write_text(json.dumps(settings, indent=1))  # JSON is YAML
        self.arguments = list(arguments)
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, limit=20):
        log = open(self.log_path, "ab")
        with log:
            self.process = subprocess.Popen(
                [*map(str, self.command), "--config", str(self.config_path), *self.arguments],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

        def ready():
            if self.process.poll() is not None:
                raise LabError(f"fnshieldd ended with {self.process.returncode}:\n{self.log()}")
            done = self.cli("status", check=False)
            return done.returncode == 0 and json.loads(done.stdout)["ready"]

        wait_until("fnshieldd to be ready", ready, limit)

    def stop(self, number=signal.SIGTERM, limit=5):
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            self.process.wait(limit)
        return self.process.returncode if self.process else None

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def cli(self, *argv, check=True):
        return run(self.build / "fnshield", *argv, "--json", "--run-dir", self.run_dir, check=check)

    def status(self):
        return json.loads(self.cli("status").stdout)

    def events(self):
        """(sent by the kernel, lost) over all sensors."""
        sensors = self.status()["sensors"]
        return sum(sensor["events"] for sensor in sensors), sum(sum(sensor["lost"].values()) for sensor in sensors)

    def sandboxes(self):
        return json.loads(self.cli("sandboxes").stdout)

    def sandbox(self, container):
        for row in self.sandboxes():
            if row["cgroup"] == container.cgroup:
                return row
        return None

    def wait_for_state(self, container, *states, limit=10):
        def there():
            row = self.sandbox(container)
            return row if row and row["state"] in states else None

        return wait_until(f"{container.cgroup} to be {' or '.join(states)}", there, limit)

    def alerts(self):
        if not self.alerts_path.exists():
            return []
        with open(self.alerts_path) as lines:
            return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait_for_alert(self, rule, matches=lambda alert: True, limit=10):
        def there():
            return next((alert for alert in self.alerts() if alert["rule"] == rule and matches(alert)), None)

        return wait_until(f"an alert of {rule}; there are {[alert['rule'] for alert in self.alerts()]}", there, limit)

    def settle(self):
        """All that was done before this call has been seen by the detectors when it returns."""
        beats = self.status()["heartbeats"]
        wait_until("two heartbeats", lambda: self.status()["heartbeats"] >= beats + 2)

    def metrics_address(self):
        return self.status()["listen"]

    def metrics(self, path="/metrics"):
        host, port = self.metrics_address().rsplit(":", 1)
        connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


class Lab:
    """The node: a temporary folder, a network, a cgroup folder under which sandboxes appear."""

    def __init__(self, name="lab"):
        self.id = f"fnshield-{name}-{os.getpid()}"
        self.cgroup_root = f"/{self.id}"
        self.network = Network(self.id)
        self.folder = None

    def __enter__(self):
        if os.geteuid() != 0:
            raise LabError("the lab makes containers and loads BPF programs: run it as root")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.id}-"))
        (cgroup2_mount() / self.id).mkdir()
        self.network.__enter__()
        return self

    def __exit__(self, *_):
        self.network.__exit__()
        self.remove_cgroups()
        shutil.rmtree(self.folder, ignore_errors=True)

    def remove_cgroups(self):
        """runc removes what it made; what is left are the folders of tenants and functions, in every hierarchy."""
        for mount in {cgroup2_mount(), *pathlib.Path("/sys/fs/cgroup").glob("*")}:
            top = mount / self.id
            if not top.is_dir():
                continue
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)

    def cgroup(self, path):
        """A bare cgroup sandbox, made by mkdir; the caller removes it or leaves it to the lab."""
        directory = cgroup2_mount() / path.lstrip("/")
        directory.mkdir(parents=True)
        return directory

    def serve(self, port, body, address="127.0.0.1"):
        """An HTTP server in the lab's network that answers every request with `body`; outside of all sandboxes."""
        import http.server

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = in_network(self.network.name, lambda: http.server.ThreadingHTTPServer((address, port), Handler))
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        return contextlib.closing(_Served(server, thread))


class _Served:
    def __init__(self, server, thread):
        self.server, self.thread = server, thread

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def python_function(lab, tenant, function, instance, port, **options):
    return Container(lab, tenant, function, instance, ["/usr/bin/python3", "/app/app.py"], port, **options)


def node_function(lab, tenant, function, instance, port, **options):
    framework = "/app/node_modules/@google-cloud/functions-framework/build/src/main.js"
    command = ["/usr/bin/node", framework, f"--target={function}"]
    return Container(lab, tenant, function, instance, command, port, **options)
