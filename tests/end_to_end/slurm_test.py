"""Sweeps on a Slurm cluster that this test starts: a node is lost midway, and every point is there once; searches find what
they find without a cluster.

slurm_test.py ANZAN [unittest arguments]; without Slurm's programs it says so and does nothing.
"""

import collections
import contextlib
import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import unittest

from anzan_harness import AnzanTest, main

CLUSTER = pathlib.Path(__file__).resolve().parents[2] / "scripts" / "slurm_cluster.sh"
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


# Tells which chunks are submitted; and if it is asked to, ends who submits them, before that can note what it has done.
SBATCH = """#!/bin/sh
PATH={path}
while [ $# -gt 0 ] && [ "$1" != --array ]; do before="$before '$1'"; shift; done
echo "$2" >> {place}/submitted
eval "sbatch $before \"\$@\"" || exit
if [ -e {place}/ends ]; then
  until [ -s {place}/ends ]; do sleep 0.02; done
  kill -9 "$(cat {place}/ends)"
  rm {place}/ends
fi
"""


class Slurm(AnzanTest):
    @classmethod
    def setUpClass(cls):
        scratch = tempfile.TemporaryDirectory(prefix="anzan_slurm_")
        cls.addClassCleanup(scratch.cleanup)
        cls.cluster = pathlib.Path(scratch.name)
        cls.addClassCleanup(subprocess.run, [CLUSTER, "stop", cls.cluster], capture_output=True, check=False)
        started = subprocess.run([CLUSTER, "start", cls.cluster], capture_output=True, text=True, timeout=60, check=False)
        if started.returncode != 0:  # a machine may forbid what daemons do
            raise unittest.SkipTest("no cluster starts here: " + started.stderr)

    def setUp(self):
        super().setUp()
        self.store = self.dir / "store.sqlite"
        programs = self.dir / "programs"
        programs.mkdir()
        (programs / "sbatch").write_text(SBATCH.format(path=PATH, place=self.dir))
        (programs / "sbatch").chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{programs}:{PATH}", "SLURM_CONF": str(self.cluster / "slurm.conf")}

    def control(self, what, *arguments):
        done = subprocess.run([CLUSTER, what, self.cluster, *arguments], capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def sweep(self, **sampler):
        path = self.dir / f"{sampler['kind']}.json"
        path.write_text(json.dumps({
            "base": self.config, "sampler": sampler, "objectives": [{"figure": "/time/seconds_per_step"}, {"figure": "/energy/joules_per_step"}],
            "axes": [{"pointer": "/chip/clock_ghz", "range": {"from": 0.1, "to": 10, "step": 0.1}}, {"pointer": "/chip/lanes", "values": [4, 8]}]}))
        return path

    def begin(self, sweep, *arguments, store=None):
        process = subprocess.Popen([self.anzan, "sweep", sweep, "--store", store or self.store, *map(str, arguments)], stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, env=self.environment)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def rows(self, sql, store=None):
        with contextlib.closing(sqlite3.connect(f"file:{store or self.store}?mode=ro", uri=True)) as database:
            return database.execute(sql).fetchall()

    def wait_for_rows(self, process, count):
        deadline = time.monotonic() + 100
        while not self.store.exists() or self.rows("SELECT count(*) FROM sqlite_master")[0][0] == 0 or self.rows("SELECT count(*) FROM result")[0][0] < count:
            self.assertIsNone(process.poll(), process.returncode)
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def end(self, process):
        output, errors = process.communicate(timeout=200)
        self.assertEqual(process.returncode, 0, errors)
        return output

    def submitted(self):
        """How often each chunk was."""
        return collections.Counter(chunk for line in (self.dir / "submitted").read_text().split() for chunk in line.split(","))

    def assert_as_alone(self, sweep):
        alone = self.dir / "alone.sqlite"
        subprocess.run([self.anzan, "sweep", sweep, "--store", alone, "--quiet"], check=True)
        what = "SELECT sweep, levels, status, cycles_per_step, seconds_per_step, joules_per_step FROM result ORDER BY 1, 2"
        mine = [row for row in self.rows(what) if row[0] == sweep.stem]
        self.assertEqual(mine, [row for row in self.rows(what, alone) if row[0] == sweep.stem])
        self.assertEqual(*self.rows("SELECT count(*), count(DISTINCT key) FROM point")[0])
        self.assertEqual(self.rows("PRAGMA integrity_check"), [("ok",)])
        return len(mine)

    def test_a_node_is_lost(self):
        sweep, arguments = self.sweep(kind="grid"), ("--slurm", "main", "--tasks", 10)
        (self.dir / "ends").touch()
        process = self.begin(sweep, *arguments)
        (self.dir / "ends").write_text(str(process.pid))
        self.assertEqual(process.wait(timeout=60), -signal.SIGKILL)
        process = self.begin(sweep, *arguments)
        self.wait_for_rows(process, 20)
        # The node that works on something, with the shell that has submitted.
        self.control("kill", "n2")
        process.kill()
        process.wait()
        self.assertLess(self.rows("SELECT count(*) FROM result")[0][0], 200)
        self.assertIn("200 points: 200 done", self.end(self.begin(sweep, *arguments)))
        self.control("node", "n2")
        self.assertEqual(self.assert_as_alone(sweep), 200)
        self.assertFalse(pathlib.Path(f"{self.store}.slurm").exists())
        # What ran there is Slurm's to start again, and what nobody noted is known by its place: nothing was submitted twice.
        self.assertEqual(self.submitted(), {str(chunk): 1 for chunk in range(1, 11)})

    def test_tasks_that_end_without_rows(self):
        sweep = self.sweep(kind="random", points=6)
        pathlib.Path(f"{self.store}.slurm/1/1.sqlite").mkdir(parents=True)  # so the first task cannot write
        process = self.begin(sweep, "--slurm", "main", "--tasks", 2)
        self.assertIn("6 points: 3 done, 3 failed", self.end(process))
        self.assertEqual(self.submitted(), {"1": 3, "2": 1})
        (message,), = self.rows("SELECT DISTINCT message FROM result WHERE status = 'failed'")
        self.assertIn("3 tasks of Slurm have not brought it; the last one said: ", message)
        self.assertIn("1.sqlite, a directory", message)

    def test_searches(self):
        genetic, surrogate = self.sweep(kind="nsga2", points=24, population=12), self.sweep(kind="surrogate", points=12, initial=8, batch=4)
        first = self.begin(genetic, "--slurm", "main", "--tasks", 3)
        self.wait_for_rows(first, 12)
        first.kill()
        first.wait()
        for process, count in ((self.begin(genetic, "--slurm", "main", "--tasks", 3), 24), (self.begin(surrogate, "--slurm", "main", "--tasks", 2), 12)):
            self.assertIn(f"{count} points: {count} done", self.end(process))
        self.assertEqual([self.assert_as_alone(sweep) for sweep in (genetic, surrogate)], [24, 12])
        self.assertFalse(pathlib.Path(f"{self.store}.slurm").exists())

    def test_what_slurm_refuses(self):
        process = self.begin(self.sweep(kind="grid"), "--slurm", "nowhere")
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
