# SPDX-License-Identifier: Apache-2.0
"""bench's arithmetic: what becomes of samples, which are void, and when a target is met."""

import os
import sys
import types
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
sys.path.insert(0, os.path.join(ROOT, "bench"))

from benchlib import cases, outbound, peers, report  # noqa: E402
from benchlib.measure import Sample  # noqa: E402


def find_case(name, reuse="default"):
    return next(c for c in cases.CASES if (c.name, c.reuse) == (name, reuse))


def sample(name, peer, value, number=1, reuse="default", **more):
    found = Sample(find_case(name, reuse), types.SimpleNamespace(name=peer), number)
    found.value = value
    for key, item in more.items():
        setattr(found, key, item)
    return found


def document(*samples):
    return report.document({"cpu": "x", "cores": 2, "kernel": "6"}, 1, list(samples))


def target(doc, case, metric):
    return next(t for t in doc["targets"] if (t["case"], t["metric"]) == (case, metric))


def result(doc, case, peer, unit=None):
    return next(r for r in doc["results"] if (r["case"], r["peer"]) == (case, peer) and
                unit in (None, r["unit"]))


class Results(unittest.TestCase):
    def test_median_and_spread_are_of_the_valid_rounds(self):
        doc = document(sample("bulk_1", "nginx", 100.0, 1), sample("bulk_1", "nginx", 120.0, 2),
                       sample("bulk_1", "nginx", 900.0, 3, faults=["another suite"]),
                       sample("bulk_1", "nginx", 110.0, 4))
        found = result(doc, "bulk_1", "nginx")
        self.assertEqual(found["samples"], [100.0, 120.0, 110.0])
        self.assertEqual(found["median"], 110.0)
        self.assertEqual(found["spread"], round(20 / 110, 3))
        self.assertEqual(found["errors"], ["round 3: another suite"])

    def test_a_case_with_no_valid_round_has_no_figure(self):
        found = result(document(sample("bulk_1", "nginx", 5.0, faults=["x"])), "bulk_1", "nginx")
        self.assertIsNone(found["median"])
        self.assertEqual(found["samples"], [])
        self.assertIn("void", report.table(document(sample("bulk_1", "nginx", 5.0, faults=["x"]))))

    def test_cpu_is_the_processes_and_the_boxs_share_of_softirq(self):
        doc = document(sample("full_p256", "direct", 2000, ops=2000, softirq_s=0.2),
                       sample("full_p256", "nginx", 1000, ops=1000, softirq_s=0.3, cpu_s=1.0))
        found = result(doc, "full_p256", "nginx")
        self.assertEqual(found["softirq_s"], 0.2)  # 0.3 less the 0.1 of the two ends
        self.assertEqual(found["cpu_us_per_op"], 1200.0)
        self.assertIsNone(found["cpu_s_per_gib"])

    def test_softirq_is_not_known_without_the_direct_wire(self):
        found = result(document(sample("bulk_1", "nginx", 5.0, gib=2.0, cpu_s=3.0, softirq_s=1.0)),
                       "bulk_1", "nginx")
        self.assertIsNone(found["softirq_s"])
        self.assertEqual(found["cpu_s_per_gib"], 1.5)

    def test_every_result_has_the_keys_of_the_schema(self):
        found = result(document(sample("latency", "nginx", 50, p50_us=50, p99_us=70)), "latency",
                       "nginx", "us p99")
        self.assertEqual(found["median"], 70)
        self.assertEqual(set(found), {"case", "peer", "reuse", "unit", "samples", "median", "spread",
                                      "errors", "cpu_us_per_op", "cpu_s_per_gib", "softirq_s",
                                      "rss_kib_per_session"})


class Targets(unittest.TestCase):
    def test_rate_is_held_against_the_best_of_the_three(self):
        doc = document(sample("bulk_1", "nginx", 400.0), sample("bulk_1", "haproxy", 500.0),
                       sample("bulk_1", "sslsplit", 100.0), sample("bulk_1", "sluice", 450.0),
                       sample("bulk_1", "direct", 9000.0))
        found = target(doc, "bulk_1", "rate")
        self.assertEqual((found["against"], found["ratio"], found["met"]), ("haproxy", 0.9, False))

    def test_less_cpu_is_better(self):
        doc = document(sample("bulk_1", "nginx", 1.0, gib=1.0, cpu_s=2.0),
                       sample("bulk_1", "sluice", 1.0, gib=1.0, cpu_s=1.0))
        found = target(doc, "bulk_1", "cpu")
        self.assertEqual((found["ratio"], found["met"]), (2.0, True))

    def test_a_void_sluice_meets_nothing(self):
        doc = document(sample("bulk_1", "nginx", 1.0), sample("bulk_1", "sluice", 9.0, faults=["x"]))
        self.assertEqual([t["met"] for t in doc["targets"]], [False, False])

    def test_forwarding_resumption_and_memory_have_bounds_of_their_own(self):
        doc = document(sample("forward", "bridge", 10.0), sample("forward", "sluice", 9.0),
                       sample("full_p256", "sluice", 100.0), sample("resumed", "sluice", 149.0),
                       sample("idle_memory", "sluice", 50.0))
        self.assertTrue(target(doc, "forward", "rate")["met"])
        self.assertEqual(target(doc, "resumed", "rate")["ratio"], 1.49)
        self.assertFalse(target(doc, "resumed", "rate")["met"])
        self.assertEqual(target(doc, "idle_memory", "KiB/session")["ratio"], 0.8)

    def test_added_latency_is_beyond_the_direct_wire(self):
        doc = document(sample("latency", "direct", 40, p50_us=40, p99_us=100),
                       sample("latency", "nginx", 140, p50_us=140, p99_us=200),
                       sample("latency", "sluice", 90, p50_us=90, p99_us=350))
        self.assertEqual(target(doc, "latency", "added p50")["ratio"], 2.0)
        self.assertEqual(target(doc, "latency", "added p99")["ratio"], 0.4)


    def test_outbound_is_held_against_those_that_forge(self):
        doc = document(sample("new_sites", "sslsplit", 200.0, ops=200, cpu_s=1.0),
                       sample("new_sites", "squid", 300.0, ops=300, cpu_s=1.5),
                       sample("new_sites", "mitmproxy", 10.0, ops=10, cpu_s=1.0),
                       sample("new_sites", "sluice", 600.0, ops=600, cpu_s=1.5))
        rate, cpu = (target(doc, "new_sites", m) for m in ("rate", "cpu"))
        self.assertEqual((rate["against"], rate["ratio"], rate["met"]), ("squid", 2.0, True))
        self.assertEqual((cpu["ratio"], cpu["met"]), (2.0, True))

    def test_each_latency_has_a_wire_of_its_own(self):
        doc = document(sample("first_latency", "direct", 50, p50_us=50, p99_us=90),
                       sample("later_latency", "direct", 500, p50_us=500, p99_us=900),
                       sample("first_latency", "squid", 250, p50_us=250, p99_us=290),
                       sample("first_latency", "sluice", 150, p50_us=150, p99_us=190))
        self.assertEqual(target(doc, "first_latency", "added p50")["ratio"], 2.0)
        self.assertEqual(result(doc, "first_latency", "sluice", "us p99")["median"], 190)

    def test_memory_of_leaves_and_what_is_left_alone(self):
        doc = document(sample("leaf_memory", "sslsplit", 12.0), sample("leaf_memory", "sluice", 10.0),
                       sample("bypass_bulk", "bridge", 10.0), sample("bypass_bulk", "sluice", 8.9))
        self.assertEqual(target(doc, "leaf_memory", "KiB/leaf")["ratio"], 1.2)
        found = target(doc, "bypass_bulk", "rate")
        self.assertEqual((found["against"], found["must"], found["met"]), ("bridge", 0.9, False))


class Table(unittest.TestCase):
    def test_every_peer_and_case_of_the_schema_is_known(self):
        self.assertEqual(cases.NAMES, ("forward", "bulk_1", "bulk_8", "request_16k", "full_p256",
                                       "full_rsa2048", "resumed", "idle_memory", "latency",
                                       "new_sites", "known_sites", "outbound_bulk", "first_latency",
                                       "later_latency", "leaf_memory", "bypass_bulk",
                                       "bypass_full"))
        for case in cases.CASES:
            table = outbound.TABLE if case.outbound else peers.TABLE
            self.assertLessEqual(set(case.peers), set(table), case.name)
            self.assertLessEqual(set(table), set(cases.ALL))

    def test_inbound_and_outbound_are_tables_of_their_own(self):
        doc = document(sample("bulk_1", "nginx", 1.0), sample("new_sites", "squid", 2.0))
        tables = [line for line in report.table(doc).splitlines() if line.startswith("| case")]
        self.assertEqual(tables, ["| case | unit | nginx |", "| case | unit | squid |"])


if __name__ == "__main__":
    unittest.main()
