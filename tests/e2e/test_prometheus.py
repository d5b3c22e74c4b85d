# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus scrapes the real daemon."""
import json
import socket
import subprocess
import urllib.parse
import urllib.request

from support import LabTest, main
from lab import python_function, wait_until


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class Prometheus(LabTest):
    def test_scrapes_cold_starts_and_promtool_is_content(self):
        daemon = self.start()
        with python_function(self.lab, "acme", "resnet", "i-1", 8081) as resnet:
            resnet.wait_until_serving()
            daemon.wait_for_state(resnet, "serving")
            _, exposition = daemon.metrics()
            checked = subprocess.run(["promtool", "check", "metrics"], input=exposition, capture_output=True, text=True)
            self.assertEqual((checked.returncode, checked.stdout + checked.stderr), (0, ""))

            port = free_port()
            folder = self.lab.folder / "prometheus"
            folder.mkdir()
            (folder / "prometheus.yml").write_text(json.dumps({
                "global": {"scrape_interval": "1s"},
                "scrape_configs": [{"job_name": "fnshield",
                                    "static_configs": [{"targets": [daemon.metrics_address()]}]}]}))
            server = subprocess.Popen(["prometheus", f"--config.file={folder}/prometheus.yml",
                                       f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"],
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(server.wait)
            self.addCleanup(server.terminate)

            def query(expression):
                url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(expression)}"
                try:
                    with urllib.request.urlopen(url, timeout=5) as answer:
                        result = json.load(answer)["data"]["result"]
                except OSError:
                    return None
                return float(result[0]["value"][1]) if result else None

            wait_until("a scrape", lambda: query("up{job='fnshield'}") == 1, 30)
            wait_until("a cold start", lambda: query("fnshield_cold_start_seconds_count{phase='total'}") == 1, 30)
            self.assertEqual(query("sum(fnshield_events_lost_total)"), 0)
            self.assertGreaterEqual(query("fnshield_sandboxes{state='serving'}"), 1)

    def test_health_endpoints(self):
        daemon = self.start()
        self.assertEqual(daemon.metrics("/-/healthy")[0], 200)
        self.assertEqual(daemon.metrics("/-/ready")[0], 200)


if __name__ == "__main__":
    main()
