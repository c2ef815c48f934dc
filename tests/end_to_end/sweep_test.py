"""Sweeps through the program: what is stored is what `anzan cost` says, each point once, whatever is killed.

sweep_test.py ANZAN [unittest arguments]
"""

import contextlib
import csv
import io
import json
import os
import pathlib
import random
import resource
import signal
import sqlite3
import subprocess
import time

from anzan_harness import AnzanTest, main

AXES = [
    {"pointer": "/chip/lanes", "values": [4, 8, 16]},
    {"pointer": "/chip/clock_ghz", "values": [0.5, 1]},
    {"name": "both", "tied": [{"/training/batch": 16, "/chip/scratchpad_kib": 64}, {"/training/batch": 32, "/chip/scratchpad_kib": 128}]},
]
OBJECTIVES = [{"figure": "/time/seconds_per_step"}, {"figure": "/energy/joules_per_step"}]
# A user's root may write everywhere; without this capability it may not.
AS_A_USER = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--inh-caps", "-all")


class SweepTest(AnzanTest):
    def setUp(self):
        super().setUp()
        self.store = self.dir / "store.sqlite"
        self.sweep = {"base": self.config, "axes": AXES, "objectives": OBJECTIVES, "sampler": {"kind": "grid"}}

    def write_sweep(self, name="small.json"):
        path = self.dir / name
        path.write_text(json.dumps(self.sweep))
        return path

    def command(self, *arguments, store=None):
        return ("sweep", self.write_sweep(), "--store", store or self.store, "--workers", 2, *arguments)

    def run_sweep(self, *arguments, store=None):
        done = self.call(*self.command(*arguments, store=store))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def rows(self, sql, store=None):
        with contextlib.closing(sqlite3.connect(f"file:{store or self.store}?mode=ro", uri=True)) as database:
            return database.execute(sql).fetchall()

    def results(self, store=None):
        """All that was found, by sweep, levels and steps."""
        found = self.rows("SELECT sweep, levels, steps, status, message, cycles_per_step, seconds_per_step, joules_per_step, further FROM result", store)
        return {row[:3]: row[3:] for row in found}

    def assert_whole(self, store=None):
        """No page is broken, no point there twice, nothing refers to what is not there."""
        self.assertEqual(self.rows("PRAGMA integrity_check", store), [("ok",)])
        self.assertEqual(self.rows("PRAGMA foreign_key_check", store), [])
        (points, names), = self.rows("SELECT count(*), count(DISTINCT hex(key) || measurement || steps || program) FROM point", store)
        self.assertEqual(points, names)
        self.assertEqual(self.rows("SELECT count(*) FROM figure", store), self.rows("SELECT count(*) FROM point WHERE status = 'done'", store))


class Sweeps(SweepTest):
    def test_results_are_those_of_cost(self):
        self.sweep["figures"] = {"cycles": "/time/cycles_per_step", "bytes": "/traffic/hbm_bytes_per_step", "peak": "/time/useful_share_of_peak",
                                 "compute": "/time/units/tensor/busy/compute", "twice": "2 * cycles"}
        self.sweep["axes"] = [*AXES, {"pointer": "/technology", "values": ["7nm", "45nm"]}]
        text = self.run_sweep("--csv", self.dir / "all.csv")
        self.assertIn("24 points: 24 done\n", text)
        self.assertIn("front: ", text)
        self.assert_whole()
        with open(self.dir / "all.csv") as file:
            table = {(row["lanes"], row["clock_ghz"], row["both"], row["technology"]): row for row in csv.DictReader(file)}
        self.assertEqual(len(table), 24)
        # A row holds what is its own, however much of a configuration an axis changes.
        self.assertLess(self.rows("SELECT max(length(configuration)) FROM point")[0][0], 300)
        for lanes, clock, (batch, kib), technology in ((4, 0.5, (16, 64), "7nm"), (16, 1, (32, 128), "45nm"), (8, 1, (16, 64), "45nm")):
            done = self.call("cost", self.write_config(), "--out", self.dir / "cost", "--step", "--no-one-core", "--set", f"/chip/lanes={lanes}",
                             "--set", f"/chip/clock_ghz={clock}", "--set", f"/training/batch={batch}", "--set", f"/chip/scratchpad_kib={kib}", "--set", f"/technology={technology}")
            self.assertEqual(done.returncode, 0, done.stderr)
            cost = json.loads((self.dir / "cost" / "cost.json").read_text())
            both = next(b for _, _, b, _ in table if str(kib) in b.split() and str(batch) in b.split())
            row = table[(str(lanes), str(clock), both, technology)]
            for column, value in (("cycles", cost["time"]["cycles_per_step"]), ("twice", 2 * cost["time"]["cycles_per_step"]),
                                  ("bytes", cost["traffic"]["hbm_bytes_per_step"]), ("peak", cost["time"]["useful_share_of_peak"]),
                                  ("seconds_per_step", cost["time"]["seconds_per_step"]), ("joules_per_step", cost["energy"]["joules_per_step"]),
                                  ("compute", cost["time"]["units"]["tensor"]["busy"]["compute"]), ("planned_bytes", cost["memory"]["planned_bytes"]),
                                  ("images_per_second", batch / cost["time"]["seconds_per_step"])):
                self.assertEqual(float(row[column]), value, column)
            (text,), = self.rows(f"SELECT configuration FROM configuration JOIN result USING (point) WHERE cycles_per_step = {row['cycles']} "
                                 f"AND seconds_per_step = {row['seconds_per_step']} AND joules_per_step = {row['joules_per_step']}")
            self.assertEqual(json.loads(text), cost["config"])

    def test_the_same_command_does_nothing_again(self):
        network = self.dir / "network.json"
        network.write_text(json.dumps(self.config["network"]))
        self.config["network"] = network.name
        self.run_sweep()
        before = self.rows("SELECT * FROM point ORDER BY id")
        self.assertIn("12 points: 12 done; 12 of them were in the store", self.run_sweep())
        self.assertEqual(self.rows("SELECT * FROM point ORDER BY id"), before)
        # Another sweep finds what it shares, whatever its axes are called and in whatever order they are.
        self.sweep["name"] = "other"
        self.sweep["axes"] = [AXES[2], {"pointer": "/chip/lanes", "name": "width", "values": [16, 8]}, {"pointer": "/chip/clock_ghz", "values": [1, 2]}]
        self.assertIn("8 points: 8 done; 4 of them were in the store", self.run_sweep())
        self.assertEqual(self.rows("SELECT count(*) FROM point"), [(16,)])
        # A figure that nobody kept has to be found out anew, once.
        self.sweep["figures"] = {"compute": "/time/units/tensor/busy/compute"}
        self.assertIn("8 points: 8 done\n", self.run_sweep())
        self.assertIn("8 of them were in the store", self.run_sweep())
        self.assertEqual(self.rows("SELECT count(*) FROM point"), [(16,)])
        self.assert_whole()
        # So is all of another network, also under the name of the old one.
        network.write_text(network.read_text().replace('"channels": 6', '"channels": 5'))
        self.assertIn("8 points: 8 done\n", self.run_sweep())

    def test_refused_points_are_kept_with_their_message(self):
        self.sweep["axes"] = [{"pointer": "/chip/scratchpad_kib", "values": [1, 64]}, {"pointer": "/chip/hbm/t_ras", "values": [2, 28]}]
        self.assertIn("4 points: 1 done, 3 refused\n", self.run_sweep("--csv", self.dir / "all.csv"))
        self.assertIn("4 of them were in the store", self.run_sweep("--retry"))
        messages = [m for m, in self.rows("SELECT message FROM result WHERE status = 'refused' ORDER BY settings")]
        self.assertEqual(sum("/chip/hbm/t_ras: found 2" in m for m in messages), 2, messages)
        self.assertTrue(any("scratchpad" in m for m in messages), messages)
        with open(self.dir / "all.csv") as file:
            self.assertEqual(sorted(row["status"] for row in csv.DictReader(file)), ["done"] + 3 * ["refused"])

    def test_trainings(self):
        self.sweep["measure"] = "training"
        self.sweep["axes"] = [{"pointer": "/training/seed", "values": [1, 2]}, {"pointer": "/precision/preset", "values": ["int8", "fp32"]}]
        self.sweep["objectives"] = [{"figure": "/accuracy/test", "direction": "maximise"}]
        text = self.run_sweep("--csv", self.dir / "all.csv", "--keep-runs")
        self.assertIn("4 points: 4 done", text)
        alone = self.run_config("alone", "--set", "/training/seed=2", "--set", "/precision/preset=fp32")
        with open(self.dir / "all.csv") as file:
            row = next(r for r in csv.DictReader(file) if (r["seed"], r["preset"]) == ("2", "fp32"))
        self.assertEqual(float(row["test_accuracy"]), alone["accuracy"]["test"])
        self.assertEqual(float(row["train_loss"]), alone["accuracy"]["train_loss"])
        self.assertEqual(len(list(pathlib.Path(f"{self.store}.runs").glob("*/checkpoint.bin"))), 4)
        self.run_sweep()
        self.assertFalse(pathlib.Path(f"{self.store}.runs").exists())

    def test_halving_goes_on_where_it_was(self):
        self.sweep["measure"] = "training"
        self.sweep["axes"] = [{"pointer": "/training/seed", "range": {"from": 1, "to": 4, "step": 1}}]
        self.sweep["objectives"] = [{"figure": "/accuracy/train_loss"}]
        self.sweep["sampler"] = {"kind": "halving", "points": 4, "rungs": [10, 20, 40], "reduction_factor": 2}
        text = self.run_sweep()
        self.assertIn("7 points: 7 done\n", text)
        self.assertEqual(self.rows("SELECT steps, count(*) FROM point GROUP BY steps ORDER BY steps"), [(0, 1), (10, 4), (20, 2)])
        (seed, loss, accuracy), = self.rows("SELECT settings ->> 'seed', train_loss, test_accuracy FROM result WHERE steps IN (0, 40) AND train_loss IS NOT NULL "
                                            "AND point IN (SELECT id FROM point WHERE steps = 0)")
        alone = self.run_config("alone", "--set", f"/training/seed={seed}")
        self.assertEqual((loss, accuracy), (alone["accuracy"]["train_loss"], alone["accuracy"]["test"]))
        self.assertIn("7 of them were in the store", self.run_sweep())
        self.assertFalse(pathlib.Path(f"{self.store}.runs").exists())
        self.assertIn(f"least train_loss: {loss:.6g} (seed {seed})", text)
        # Of each rung, the best go on; what a short training says is what a run of so many steps says.
        losses = {steps: dict(self.rows(f"SELECT settings ->> 'seed', train_loss FROM result WHERE steps = {steps}")) for steps in (10, 20, 40)}
        for steps, count, longer in ((10, 2, 20), (20, 1, 40)):
            self.assertEqual(sorted(losses[steps], key=losses[steps].get)[:count], sorted(losses[longer], key=losses[steps].get))
        short = self.run_config("short", "--set", "/training/iterations=10", "--set", "/training/seed=2")
        self.assertEqual(losses[10][2], short["accuracy"]["train_loss"])

    def test_halving_takes_up_checkpoints(self):
        self.sweep["measure"] = "training"
        self.sweep["axes"] = [{"pointer": "/training/seed", "values": [1, 2]}]
        self.sweep["objectives"] = [{"figure": "/accuracy/train_loss"}]
        self.sweep["sampler"] = {"kind": "halving", "points": 2, "rungs": [5, 10], "reduction_factor": 2}
        self.run_sweep("--keep-runs")
        for checkpoint in pathlib.Path(f"{self.store}.runs").glob("*/checkpoint.bin"):
            checkpoint.write_bytes(checkpoint.read_bytes()[:-1])
        # Whoever begins anew does not look at them.
        self.sweep["sampler"]["rungs"] = [5, 10, 20]
        self.assertIn("4 points: 3 done, 1 failed; 3 of them were in the store", self.run_sweep("--keep-runs"))
        (message,), = self.rows("SELECT message FROM result WHERE status = 'failed'")
        self.assertIn("checkpoint.bin", message)

    def test_points(self):
        points = self.dir / "points.json"
        for part in (0, 1, 2):
            points.write_text(json.dumps([[0, lanes, part // 2, part % 2] for lanes in (0, 1, 2)]))
            self.assertIn("3 points: 3 done\n", self.run_sweep("--points", points))
        self.assertEqual(self.rows("SELECT count(*), count(DISTINCT point) FROM result"), [(9, 9)])
        self.assertIn("12 points: 12 done; 9 of them were in the store", self.run_sweep())
        for wrong in ("{}", "[[0, 0, 0]]", "[[0, 0, 0, 2]]", "[[0, 0, 0, -1]]", "[0, 0, 0, 0]"):
            points.write_text(wrong)
            self.assert_wrong_input(self.call(*self.command("--points", points)), "--points", "expected [[STEPS, LEVEL")

    def test_queries(self):
        self.run_sweep()
        ask = lambda sql: self.call("sweep", "--store", self.store, "--query", sql)
        table = list(csv.reader(io.StringIO(ask("SELECT settings ->> 'lanes' AS lanes, count(*) FROM result GROUP BY 1").stdout)))
        self.assertEqual(table, [["lanes", "count(*)"], ["4", "4"], ["8", "4"], ["16", "4"]])
        self.assert_wrong_input(ask("DROP TABLE point"), "--query")
        self.assert_wrong_input(ask("SELECT nobody FROM result"), "no such column: nobody")
        for more in ("SELECT 1; SELECT 2", "SELECT 1; nonsense"):
            self.assert_wrong_input(ask(more), "--query", "more than one statement")
        for one in ("SELECT 1 AS a;", "SELECT 1 AS a; -- one", "SELECT 1 AS a /* b; c */ ;  "):
            self.assertEqual(ask(one).stdout, "a\n1\n")
        for file, what in ((self.store, "the store"), (self.command()[1], "the sweep")):
            self.assert_wrong_input(self.call(*self.command("--csv", file)), "--csv", f"which is {what}")
        self.assert_wrong_input(self.call("sweep", "--query", "SELECT 1"), "--query: found no --store")
        self.assert_whole()

    def test_arguments(self):
        for option, value in (("--workers", "0"), ("--workers", "two"), ("--workers", "1001")):
            self.assert_wrong_input(self.call(*self.command()[:-2], option, value), f"{option}: found {value}, expected ")
        self.assert_wrong_input(self.call("sweep"), "SWEEP: found nothing")
        self.assert_wrong_input(self.call("sweep", self.dir / "none.json"), "none.json")
        self.assert_wrong_input(self.call(*self.command("--csv", self.dir / "none" / "a.csv")), "--csv")
        self.assertFalse(self.store.exists())

    def test_what_is_no_store(self):
        text, foreign, old = self.dir / "text", self.dir / "foreign", self.dir / "old"
        text.write_text("no database " * 1000)
        with sqlite3.connect(foreign) as database:
            database.execute("CREATE TABLE point (x)")
        self.run_sweep(store=old)
        with contextlib.closing(sqlite3.connect(old)) as database:
            database.execute("PRAGMA user_version = 99")
        for file, what in ((text, "not a database"), (foreign, "a database of something else"), (old, "a store of version 99, expected one of version"),
                           (self.dir, "a directory"), (self.dir / "none" / "s", "unable to open")):
            before = file.read_bytes() if file.is_file() else None
            self.assert_wrong_input(self.call(*self.command(store=file)), "--store: found ", what)
            self.assert_wrong_input(self.call("sweep", "--store", file, "--query", "SELECT 1"), "--store: found ", what)
            self.assertEqual(file.read_bytes() if file.is_file() else None, before)

    def test_read_only(self):
        user = AS_A_USER if os.geteuid() == 0 else ()
        self.run_sweep()
        for mode, place in ((0o444, self.store), (0o555, self.dir)):
            command = self.command("--csv", "-", store=self.dir / "new.sqlite" if place == self.dir else None)
            os.chmod(place, mode)
            try:
                call = lambda *arguments: subprocess.run([*user, self.anzan, *map(str, arguments)], capture_output=True, text=True, timeout=60)
                self.assert_wrong_input(call(*command), "--store: found ")
                asked = call("sweep", "--store", self.store, "--query", "SELECT count(*) FROM point")
                self.assertEqual((asked.returncode, asked.stdout), (0, "count(*)\n12\n"), asked.stderr)
            finally:
                os.chmod(place, 0o755)
        self.assert_whole()

    def test_disk_full(self):
        self.sweep["axes"] = [{"pointer": "/chip/clock_ghz", "range": {"from": 0.1, "to": 20, "step": 0.1}}]
        self.run_sweep(store=self.dir / "whole")
        frame = 4096 + 24  # of what SQLite writes ahead; so the disk is full at each of the statements that a point takes
        for size in (100, *range(70_000, 70_000 + 8 * frame, frame), 150_000):
            done = self.call(*self.command(), preexec_fn=lambda size=size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
            self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
            self.assertIn(f"{self.store}: ", done.stderr)
            self.assertIn("is the disk full", done.stderr)
            if size > 100:
                self.assert_whole()
                self.assertEqual(self.rows("SELECT count(*) FROM point"), self.rows("SELECT count(*) FROM sweep_point"))
        before = self.rows("SELECT count(*) FROM point")[0][0]
        self.assertTrue(0 < before < 200, before)
        self.assertIn(f"200 points: 200 done; {before} of them were in the store", self.run_sweep())
        self.assertEqual(self.results(), self.results(self.dir / "whole"))

    def test_interrupted(self):
        self.sweep["axes"] = [{"pointer": "/chip/clock_ghz", "range": {"from": 0.01, "to": 100, "step": 0.01}}]
        for sent in (signal.SIGINT, signal.SIGTERM):
            before = self.rows("SELECT count(*) FROM point")[0][0] if self.store.exists() else 0
            process = self.start(*self.command())
            self.wait_for_rows(process, before + 20)
            process.send_signal(sent)
            start = time.monotonic()
            output, errors = process.communicate(timeout=60)
            self.assertLess(time.monotonic() - start, 20)  # two seconds, where the machine has time
            self.assertEqual(process.returncode, 1, errors)
            self.assertIn("interrupted; all that is done is kept", errors)
            self.assertIn("points: ", output)
            self.assertIn("the same command goes on", errors)
            self.assert_whole()
        # What was kept is right, and what was in flight is not there. (Two workers begin at 0 and 5,000.)
        looked_at = [*range(80), *range(5000, 5020)]
        points = self.dir / "points.json"
        points.write_text(json.dumps([[0, level] for level in looked_at]))
        levels = [f"[{level}]" for level in looked_at]
        there = [level for level, in self.rows("SELECT levels FROM result") if level in levels]
        self.assertIn(f"100 points: 100 done; {len(there)} of them were in the store", self.run_sweep("--points", points))
        self.run_sweep("--points", points, store=self.dir / "whole")
        whole = self.results(self.dir / "whole")
        self.assertEqual({point: found for point, found in self.results().items() if point in whole}, whole)

    def wait_for_rows(self, process, count):
        while process.poll() is None:
            try:
                if self.rows("SELECT count(*) FROM point")[0][0] >= count:
                    return
            except sqlite3.OperationalError:
                pass  # not yet there
            time.sleep(0.005)
        self.fail(process.communicate())


class Kills(SweepTest):
    """Slow: processes that are killed at random moments."""

    def children(self, process):
        try:
            return [int(p) for p in pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
        except OSError:
            return []

    def is_worker(self, pid):
        try:
            return "anzan" in pathlib.Path(f"/proc/{pid}/comm").read_text()
        except OSError:
            return False

    def test_fifty_kills(self):
        self.sweep["axes"] = [{"pointer": "/chip/clock_ghz", "range": {"from": 0.1, "to": 30, "step": 0.1}}, AXES[0]]
        self.run_sweep(store=self.dir / "whole")
        draw, kills, killed = random.Random(5), 50, {"worker": 0, "parent": 0}
        rows = 0
        while kills:
            process = self.start("sweep", self.write_sweep(), "--store", self.store, "--workers", 3, "--retry")
            while kills and process.poll() is None:
                time.sleep(draw.random() * 0.06)
                children = self.children(process)
                victim = draw.choice(["worker"] * 4 + ["parent"])
                if victim == "worker" and not children:
                    continue
                if process.poll() is not None:
                    break
                try:
                    os.kill(draw.choice(children) if victim == "worker" else process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
                kills -= 1
                killed[victim] += 1
                if victim == "parent":
                    process.wait()
                    for child in children:  # they end by themselves
                        while self.is_worker(child):
                            time.sleep(0.001)
                    if rows or self.has_begun():
                        self.assert_kept(killed)
                        now = self.rows("SELECT count(*) FROM point")[0][0]
                        self.assertGreaterEqual(now, rows)
                        rows = now
            if process.poll() is not None and kills:
                if process.returncode == 0:  # all is done; begin anew
                    self.assert_kept(killed)
                    self.store.unlink()
                    rows = 0
            elif not kills:
                process.wait(timeout=120)
                self.assert_kept(killed)
        self.run_sweep("--retry")
        self.assertTrue(all(killed.values()), killed)
        self.assert_whole()
        self.assertEqual(self.results(), self.results(self.dir / "whole"))

    def has_begun(self):
        """False where the parent was killed before it had made the store's tables."""
        return self.store.exists() and self.rows("SELECT count(*) FROM sqlite_master WHERE name = 'point'") == [(1,)]

    def assert_kept(self, killed):
        """A point fails when two workers have died of it, and one that is done has figures."""
        self.assert_whole()
        self.assertLessEqual(self.rows("SELECT count(*) FROM point WHERE status != 'done'")[0][0], killed["worker"] // 2)
        self.assertEqual(self.rows("SELECT count(*) FROM result WHERE status = 'done' AND cycles_per_step IS NULL"), [(0,)])

    def test_trainings_that_are_killed(self):
        self.config["training"].update(iterations=300, snapshot_interval=20)
        self.sweep["measure"] = "training"
        self.sweep["axes"] = [{"pointer": "/training/seed", "range": {"from": 1, "to": 14, "step": 1}}]
        self.sweep["objectives"] = [{"figure": "/accuracy/train_loss"}]
        trained = "SELECT settings, status, train_loss, test_accuracy FROM result ORDER BY settings"
        self.run_sweep(store=self.dir / "whole")
        runs = pathlib.Path(f"{self.store}.runs")
        for enough in (5, 10):
            process = self.start(*self.command())
            while len(list(runs.glob("*/result.json"))) < enough:
                self.assertIsNone(process.poll())
                time.sleep(0.005)
            children = self.children(process)
            process.kill()
            process.wait()
            for child in children:
                while self.is_worker(child):
                    time.sleep(0.001)
            self.assert_whole()
            # Each worker has one training in flight; all others that have ended are rows.
            self.assertLessEqual(len(list(runs.glob("*/result.json"))) - self.rows("SELECT count(*) FROM point")[0][0], 2)
        self.run_sweep()
        self.assertEqual(self.rows(trained), self.rows(trained, self.dir / "whole"))
        self.assertFalse(runs.exists())

    def test_two_at_once(self):
        clocks = {"pointer": "/chip/clock_ghz", "range": {"from": 0.1, "to": 20, "step": 0.1}}
        self.sweep["axes"] = [clocks, {"pointer": "/chip/lanes", "values": [4, 8]}]
        first = self.start(*self.command())
        command = list(self.command())
        self.sweep["axes"] = [{"pointer": "/chip/lanes", "values": [16, 8]}, clocks]
        command[1] = self.write_sweep("other.json")
        second = self.start(*command)
        for process in (first, second):
            output, errors = process.communicate(timeout=120)
            self.assertEqual(process.returncode, 0, errors)
            self.assertIn("400 points: 400 done", output)
        self.assert_whole()
        self.assertEqual(self.rows("SELECT count(*) FROM point"), [(600,)])
        self.assertEqual(self.rows("SELECT count(*), count(DISTINCT point) FROM result"), [(800, 600)])


if __name__ == "__main__":
    main()
