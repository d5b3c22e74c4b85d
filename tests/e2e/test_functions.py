# SPDX-License-Identifier: Apache-2.0
"""Real functions under the default policy: healthy ones are quiet, whatever a platform does to them; an attack is not."""
import json

from support import LabTest, main
from lab import node_function, python_function, wait_until


def heap_of(pid):
    with open(f"/proc/{pid}/maps") as maps:
        return next(int(line.split("-")[0], 16) for line in maps if line.rstrip().endswith("[heap]"))


class Healthy(LabTest):
    def test_functions_probes_and_freezes_are_quiet(self):
        daemon = self.start()
        with python_function(self.lab, "acme", "resnet", "i-1", 8081) as resnet, \
                node_function(self.lab, "acme", "resize", "i-1", 8082) as resize:
            for function in (resnet, resize):
                function.wait_until_serving()
                for number in range(100):
                    self.assertEqual(function.request(path=f"/?seed={number}")[0], 200)
                function.runc("exec", function.name, "/usr/bin/env", "true")  # a probe by the platform
                function.pause()
                daemon.wait_for_state(function, "frozen")
                function.resume()
                daemon.wait_for_state(function, "serving")
                self.assertEqual(function.request()[0], 200)
            daemon.settle()
            rows = [daemon.sandbox(function) for function in (resnet, resize)]
        # Not what other programs of the host do meanwhile: a monitor that lists BPF programs is told, as low.
        self.assertEqual([alert["summary"] for alert in daemon.alerts() if alert["sandbox"]], [])
        self.assertEqual(daemon.events()[1], 0)
        for row in rows:
            self.assertGreaterEqual(row["invocations"], 100)
            self.assertTrue(all(row["cold_start_seconds"].values()), row)

    def test_a_sandbox_is_gone_after_its_container(self):
        daemon = self.start()
        with python_function(self.lab, "acme", "resnet", "i-1", 8081) as resnet:
            resnet.wait_until_serving()
            daemon.wait_for_state(resnet, "serving")
        daemon.wait_for_state(resnet, "gone")


class Attacked(LabTest):
    """The same attack on both profiles of the fallback."""

    def attack(self, profile):
        daemon = self.start(config={"fallback": {"profile": profile}})
        with python_function(self.lab, "acme", "resnet", "i-1", 8081) as resnet, \
                python_function(self.lab, "evil", "thumbnail", "i-1", 8083, host_pid=True,
                                capabilities=["CAP_SYS_PTRACE"]) as thumbnail:
            for function in (resnet, thumbnail):
                function.wait_until_serving()
                daemon.wait_for_state(function, "serving")
            victim = resnet.pid()
            _, stolen = thumbnail.request(path=f"/steal?pid={victim}&address={heap_of(victim)}&length=64")
            self.assertEqual(len(stolen), 64)
            alert = daemon.wait_for_alert("isolation.memory_read")
            shown = json.loads(daemon.cli("show", alert["id"]).stdout)
            # From its pid namespace the attacker may try as often as he likes: it stays one alert, with a count.
            thumbnail.request(path=f"/steal?pid={victim}&address={heap_of(victim)}&length=32")
            daemon.settle()
            read = {line["id"] for line in daemon.alerts() if line["rule"] == "isolation.memory_read"}
        self.assertEqual(alert["sandbox"]["function"], "thumbnail")
        self.assertEqual(alert["target"]["sandbox"]["function"], "resnet")
        self.assertEqual(alert["target"]["process"]["pid"], victim)
        self.assertEqual(alert["severity"], "critical")
        self.assertFalse(alert["degraded"])
        self.assertIn("process_vm_readv", alert["summary"])
        self.assertIn("process_vm_readv", json.dumps(shown))
        self.assertEqual(read, {alert["id"]})

    def test_memory_read_is_seen_by_the_full_profile(self):
        self.attack("full")

    def test_memory_read_is_seen_by_the_lean_profile(self):
        self.attack("lean")

    def test_alerts_reach_the_tool_and_the_metrics(self):
        daemon = self.start()
        with python_function(self.lab, "acme", "thumbnail", "i-1", 8083) as thumbnail:
            thumbnail.wait_until_serving()
            thumbnail.request(path="/metadata")
            alert = daemon.wait_for_alert("identity.metadata_service")
        listed = json.loads(daemon.cli("alerts", "--rule", "identity.metadata_service").stdout.splitlines()[0])
        self.assertEqual(listed["id"], alert["id"])
        wait_until("the metric", lambda: 'fnshield_alerts_total{rule="identity.metadata_service",severity="critical"} 1'
                   in daemon.metrics()[1])


if __name__ == "__main__":
    main()
