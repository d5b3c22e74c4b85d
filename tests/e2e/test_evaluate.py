# SPDX-License-Identifier: Apache-2.0
"""`./dev evaluate`, of each rule the first attack and the first look-alike: all caught, and none falsely."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

from support import BUILD, main

EVALUATE = pathlib.Path(__file__).resolve().parents[1] / "evaluate" / "evaluate.py"


class Evaluate(unittest.TestCase):
    def test_every_rule_catches_its_first_attack_and_is_quiet_about_its_first_look_alike(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "evaluation.json"
            done = subprocess.run([sys.executable, "-B", EVALUATE, "--build", BUILD, "--brief", "--json", path],
                                  capture_output=True, text=True)
            self.assertTrue(path.exists(), done.stdout + done.stderr)
            result = json.loads(path.read_text())
        wrong = [(case["rule"], case["name"], case["error"])
                 for case in result["cases"] if not case["passed"] and not case["lacking"]]
        self.assertEqual(wrong, [])
        self.assertGreater(result["total"]["attacks"], 20)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_an_unknown_rule_is_bad_usage(self):
        done = subprocess.run([sys.executable, "-B", EVALUATE, "--build", BUILD, "--rule", "isolation.nothing"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("isolation.nothing", done.stderr)


if __name__ == "__main__":
    main()
