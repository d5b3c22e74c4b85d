# SPDX-License-Identifier: Apache-2.0
"""What the matrix makes of what comes out of a machine: nothing that is missing or cut off may count as passed."""
import pathlib
import tempfile
import unittest

import matrix

PASSED = '<testsuites><testsuite name="A"><testcase name="b" classname="A"/></testsuite></testsuites>'
FAILED = PASSED.replace("/></testsuite>", '><failure message="no"/></testcase></testsuite>')


def said(text, code=0, backend="tracepoint"):
    return f"=== begin {backend} {code}\r\n{text}\r\n=== end {backend}\r\n"


class Matrix(unittest.TestCase):
    def outcome(self, text, why=None):
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        outcome = matrix.outcome_of("6.1", "tracepoint", matrix.split_reports(text), why, folder)
        self.shown = matrix.table([outcome])
        return outcome

    def test_a_whole_report_counts(self):
        outcome = self.outcome(said(PASSED))
        self.assertEqual((outcome.error, outcome.name), ("", "6.1/tracepoint"))
        self.assertRegex(self.shown, r"(?m)^A +1$")

    def test_a_failed_case_is_in_the_report(self):
        outcome = self.outcome(said(FAILED, code=1))
        self.assertEqual(outcome.error, "")
        self.assertRegex(self.shown, r"(?m)^A +1 FAILED$")

    def test_a_bad_end_without_a_failed_case_is_one(self):
        self.assertIn("ended with 1", self.outcome(said(PASSED, code=1)).error)

    def test_a_run_without_a_case_is_a_failure(self):
        self.assertEqual(self.outcome(said("<testsuites/>")).error, "no case was run")

    def test_a_machine_that_never_reported_is_a_failure(self):
        outcome = self.outcome("", why="QEMU ended with 0: the guest never reported")
        self.assertIn("never reported", outcome.error)
        self.assertIsNone(outcome.report)

    def test_a_crash_of_the_tests_is_a_failure(self):
        self.assertIn("ended with 139", self.outcome(said("", code=139)).error)

    def test_a_report_that_was_cut_off_is_a_failure(self):
        for text in (said(PASSED)[:-20], said(PASSED[:-20])):
            self.assertNotEqual(self.outcome(text).error, "")

    def test_backends_are_kept_apart(self):
        reports = matrix.split_reports(said(PASSED) + said(FAILED, 1, "lsm"))
        self.assertEqual({name: code for name, (code, _) in reports.items()}, {"tracepoint": 0, "lsm": 1})

    def test_what_kernels_can_be_asked_for(self):
        self.assertEqual(matrix.chosen("all"), list(matrix.kernels.KERNELS))
        self.assertEqual(matrix.chosen("5.10,6.1"), ["5.10", "6.1"])
        self.assertEqual(matrix.chosen("none"), [])
        with self.assertRaises(ValueError):
            matrix.chosen("4.19")

    def test_cases_that_count_instructions_have_a_machine_of_their_own(self):
        self.assertIn(f":{matrix.COUNTING}", matrix.EVERY_CASE)
        self.assertEqual(matrix.boots(["6.1", "sid"], matrix.EVERY_CASE),
                         [("6.1", matrix.EVERY_CASE, False), ("sid", matrix.EVERY_CASE, False), ("6.1", matrix.COUNTING, True)])
        self.assertEqual(matrix.boots(["sid"], matrix.EVERY_CASE), [("sid", matrix.EVERY_CASE, False)])
        self.assertEqual(matrix.boots(["6.1"], matrix.BRIEF), [("6.1", matrix.BRIEF, False)])
        self.assertEqual(matrix.boots(["5.10"], "SyscallCost*"), [("5.10", "SyscallCost*", True)])
        self.assertEqual(matrix.boots(["6.1"], "*Memory*"), [("6.1", "*Memory*", False)])


if __name__ == "__main__":
    unittest.main(verbosity=2)
