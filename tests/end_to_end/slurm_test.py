"""Sweeps on a Slurm cluster that this test starts: a node is lost midway, and every point is there once.

slurm_test.py ANZAN [unittest arguments]; without Slurm's programs it says so and does nothing.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import time

from anzan_harness import AnzanTest, main

CLUSTER = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "slurm_cluster.sh"
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


class Slurm(AnzanTest):
    def setUp(self):
        super().setUp()
        self.cluster = self.dir / "cluster"
        self.environment = {**os.environ, "PATH": PATH, "SLURM_CONF": str(self.cluster / "slurm.conf")}
        self.addCleanup(subprocess.run, [CLUSTER, "stop", self.cluster], capture_output=True, check=False)
        started = subprocess.run([CLUSTER, "start", self.cluster], capture_output=True, text=True, timeout=60, check=False)
        if started.returncode != 0:  # a machine may forbid what daemons do
            self.skipTest("no cluster starts here: " + started.stderr)

    def control(self, what, *arguments):
        done = subprocess.run([CLUSTER, what, self.cluster, *arguments], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def sweep(self, clocks):
        path = self.dir / "sweep.json"
        path.write_text(json.dumps({
            "base": self.config, "sampler": {"kind": "grid"}, "objectives": [{"figure": "/time/seconds_per_step"}],
            "axes": [{"pointer": "/chip/clock_ghz", "range": {"from": 0.1, "to": clocks / 10, "step": 0.1}}, {"pointer": "/chip/lanes", "values": [4, 8]}]}))
        return path

    def begin(self, store, *arguments):
        process = subprocess.Popen([self.anzan, "sweep", self.sweep(100), "--store", store, *map(str, arguments)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=self.environment)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def rows(self, store, sql):
        with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
            return database.execute(sql).fetchall()

    def test_a_node_is_lost(self):
        store, alone = self.dir / "store.sqlite", self.dir / "alone.sqlite"
        process = self.begin(store, "--slurm", "main", "--tasks", 10)
        deadline = time.monotonic() + 100
        while not store.exists() or self.rows(store, "SELECT count(*) FROM sqlite_master")[0][0] == 0 or self.rows(store, "SELECT count(*) FROM result")[0][0] < 20:
            self.assertIsNone(process.poll(), process.returncode)
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)
        # The node that works on something, with the shell that has submitted.
        self.control("kill", "n2")
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.assertLess(self.rows(store, "SELECT count(*) FROM result")[0][0], 200)
        process = self.begin(store, "--slurm", "main", "--tasks", 10)
        output, errors = process.communicate(timeout=200)
        self.assertEqual(process.returncode, 0, errors)
        self.assertIn("200 points: 200 done", output)
        subprocess.run([self.anzan, "sweep", self.sweep(100), "--store", alone, "--quiet"], check=True)
        what = "SELECT levels, status, cycles_per_step, seconds_per_step, joules_per_step FROM result ORDER BY levels"
        self.assertEqual(self.rows(store, what), self.rows(alone, what))
        self.assertEqual(self.rows(store, "SELECT count(*), count(DISTINCT key) FROM point"), [(200, 200)])
        self.assertEqual(self.rows(store, "PRAGMA integrity_check"), [("ok",)])
        self.assertFalse(pathlib.Path(f"{store}.slurm").exists())

    def test_what_slurm_refuses(self):
        process = self.begin(self.dir / "store.sqlite", "--slurm", "nowhere")
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn("sbatch: ", errors)
        self.assertIn("partition", errors)


if __name__ == "__main__":
    missing = [name for name in ("slurmctld", "slurmd", "sbatch", "squeue") if not shutil.which(name, path=PATH)]
    if missing:
        print(f"not tried: this machine has no {', '.join(missing)}", file=sys.stderr)
        sys.exit(77)
    main()
