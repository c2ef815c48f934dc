"""Bad input through the program: status 2 with pointer, value and expectation, and no result.

bad_input_test.py ANZAN [unittest arguments]
"""

import json
import resource
import subprocess

from anzan_harness import AnzanTest, idx, main


class BadInput(AnzanTest):
    def wrong(self, *parts, sets=(), out="out"):
        arguments = [argument for change in sets for argument in ("--set", change)]
        done = self.call("run", self.write_config(), "--out", self.dir / out, *arguments)
        self.assert_wrong_input(done, *parts)
        self.assertFalse((self.dir / out / "result.json").exists())
        self.assertEqual(list(self.dir.glob("**/*.part")), [])
        return done

    def test_keys_and_values(self):
        table = [
            ("/training/batc=3", "/training/batc", "a key that does not exist", "a key of the configuration"),
            ("/training/batch=0", "/training/batch", "found 0", "an integer from 1 to 65535"),
            ("/training/batch=lots", "/training/batch", 'found "lots"', "an integer"),
            ("/precision/weight/width=33", "/precision/weight/width", "found 33", "an integer from 2 to 16"),
            ("/precision/weight/width=12", "/precision/weight/width", "found 12", "the bits of int8"),
            ("/network/layers/0/kernel=11", "/network/layers/0/kernel", "found 11", "at most the padded input, 10x10"),
            ("/network/layers=[]", "/network/layers", "found []", "an array of at least 1"),
            ("/network=none.json", "none.json", "found no such file", "expected a JSON file"),
            ("/chip/cores=0", "/chip/cores", "found 0", "from 1 to 1024"),
            ("/engine/kind=verilog", "/engine/kind", 'found "verilog"', '"functional", "cycle", "rtl"'),
            ("/chip/hbm/t_ras=5", "/chip/hbm/t_ras", "found 5", "at least 12 = the larger of t_rcd_read, t_rcd_write"),
            ("/chip/hbm/width_bits=0", "/chip/hbm/width_bits", "found 0", "from 8 to 1024"),
            ("/chip/clock_ghz=0", "/chip/clock_ghz", "found 0", "from 0.001 to 100"),
            ("/technology=3nm", "/technology", 'found "3nm"', "one of 45nm, 7nm"),
            ("/training/optimizer/learning_rate/policy=step", "/training/optimizer/learning_rate/step_size", "found nothing", "policy step needs it"),
            ("/dataset/train_images_used=101", "/dataset/train_images_used", "found 101", "at most the 100 images"),
            ("training=3", "--set training=3", 'found "training=3"', "/json/pointer=value"),
        ]
        for change, *parts in table:
            with self.subTest(change):
                self.wrong(*parts, sets=[change])

    def test_unknown_key_suggests_the_nearest(self):
        self.config["training"]["iteratons"] = 5
        self.wrong("/training/iteratons: found an unknown key", 'did you mean "iterations"?')

    def test_all_findings_at_once(self):
        self.config["training"]["batch"] = -1
        self.config["chip"]["lanes"] = 5
        self.config["network"]["layers"][0]["padding"] = "wide"
        done = self.wrong("/training/batch", "/chip/lanes", "/network/layers/0/padding")
        self.assertEqual(done.stderr.count(": found "), 3)

    def test_scratchpad_too_small(self):
        self.wrong("scratchpad", sets=["/chip/scratchpad_kib=1"])

    def test_hbm_too_small(self):
        config = self.write_config()
        for command in (("compile",), ("cost",), ("run", "--out", self.dir / "out")):
            with self.subTest(command):
                done = self.call(command[0], config, *command[1:], "--set", "/chip/hbm/rows=1", "--set", "/chip/hbm/channels=1",
                                 "--set", "/network/layers/2/channels=2000")
                self.assert_wrong_input(done, "/chip/hbm/rows: found 1, expected at least", "bytes of the network: HBM has")

    def test_options(self):
        config = self.write_config()
        self.assert_wrong_input(self.call("run", config, "--engine", "rtl", "--set", "/chip/lanes=8", "--set", "/chip/queue_depth=9"),
                                "/chip/lanes: found 8, expected 4 or 16 for the engine rtl", "/chip/queue_depth: found 9, expected 8 for")
        self.assert_wrong_input(self.call("run", config, "--rtl", "dma", "--set", "/chip/cores=2", "--set", "/training/batch=32"),
                                '/engine/rtl: found ["dma"], expected none for 2 cores')
        self.assert_wrong_input(self.call("run", config, "--threads", "-1"), "/engine/threads", "found -1")
        self.assert_wrong_input(self.call("run", config, "--seed", "4294967296"), "/training/seed", "4294967296")
        self.assert_wrong_input(self.call("run", config, "--threads", "x"))
        self.assert_wrong_input(self.call("run", config, "--no-such-option"))
        self.assert_wrong_input(self.call("run"))
        self.assert_wrong_input(self.call())
        self.assert_wrong_input(self.call("runn", config))

    def test_collectives(self):
        config, four = self.write_config(), ("--set", "/system/chips=4")
        done = self.call("collective", config, "--bytes", "1000", "--kind", "all_to_all", *four, "--out", self.dir / "c.json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("all_to_all of", done.stdout)
        self.assertGreater(json.loads((self.dir / "c.json").read_text())["cycles"], 0)
        self.assert_wrong_input(self.call("collective", config, "--bytes", "1", "--kind", "gossip", *four), "--kind", "gossip", "one of all_reduce, ")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "1", "--format", "fp8", *four), "--format", "found fp8")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "0", *four), "--bytes: found 0")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "64"), "/system/chips", "at least two cores")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "64", "--set", "/system/chips=lots"), "/system/chips")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "64", *four, "--out", "/proc/no/such"), "--out", "a file that can be")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "64", *four, "--trace", "/proc/no/such"), "--trace", "a file that can be")
        self.assert_wrong_input(self.call("collective", config, *four), "--bytes")
        wide = ("--set", "/system/chips=256", "--set", "/system/topology/kind=hypercube", "--set", "/system/exchange/dimensions=[2,2,2,2,2,2,2,2]")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "9000000", "--kind", "reduce_scatter", *wide, timeout=20),
                                "/system/exchange/dimensions", "semaphores")

    def test_files_that_are_no_configuration(self):
        for name, content, part in (("a.json", "", "a.json"), ("b.json", "{", "line 1"), ("c.json", '{"a": 1, "a": 2}', "twice"),
                                    ("d.json", "[" * 5000, "deeper"), ("e.json", "\x00\x01", "e.json"), ("f.json", "[]", "an object")):
            with self.subTest(name):
                (self.dir / name).write_text(content)
                self.assert_wrong_input(self.call("run", self.dir / name, "--out", self.dir / "out"), part)
        self.assert_wrong_input(self.call("run", self.dir / "none.json"), "none.json: found no such file")
        self.assert_wrong_input(self.call("run", self.dir), "found a directory")

    def test_data_sets(self):
        (self.dir / "bad").write_bytes((self.dir / "train-images").read_bytes()[:-5])
        self.wrong("/dataset/train_images", "found 6411 bytes", "expected 6416 bytes", sets=["/dataset/train_images=bad"])
        (self.dir / "bad").write_bytes(idx((100,), [1] * 99 + [4]))
        self.wrong("label 4 of image 99", "0 to 3", sets=["/dataset/train_labels=bad"])
        (self.dir / "bad").write_bytes(b"not an IDX file")
        self.wrong("no IDX magic number", sets=["/dataset/test_labels=bad"])
        self.wrong("/dataset/test_images", "no such file", sets=["/dataset/test_images=none"])
        self.wrong("images of 100x8x8", "images of 100x8x9", sets=["/network/input/width=9"])
        self.config["dataset"] = {"kind": "mnist", "directory": "."}
        self.wrong("/dataset/directory", "scripts/fetch_datasets.sh")

    def test_output_that_cannot_be_written(self):
        config = self.write_config()
        (self.dir / "file").write_text("x")
        for out in (self.dir / "file", self.dir / "file" / "below", "/dev/full", "/proc/no/such"):
            with self.subTest(out):
                self.assert_wrong_input(self.call("run", config, "--out", out), str(out), "a directory that can be written")
        self.assertEqual((self.dir / "file").read_text(), "x")
        done = self.call("compile", config, "--out", "/proc/no/such")
        self.assert_wrong_input(done, "--out", "a file that can be written")

    def limited(self, out, size, *arguments):
        """A file system that takes `size` bytes a file stands for one that is full."""
        return self.call("run", self.write_config(), "--out", self.dir / out, *arguments,
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))

    def test_disk_full(self):
        self.assert_wrong_input(self.limited("a", 100), "File too large", "a directory that can be written")
        self.assertEqual([p.name for p in (self.dir / "a").iterdir()], [])
        # Room for config.json, not for the result: found at the end, and nothing half written.
        self.run_config("whole", "--set", "/training/iterations=1")
        room = (self.dir / "whole" / "config.json").stat().st_size + 100
        done = self.limited("b", room)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("cannot write", done.stderr)
        self.assertEqual([p.name for p in (self.dir / "b").iterdir()], ["config.json"])
        # The same for a checkpoint.
        done = self.limited("c", room, "--set", "/training/snapshot_interval=5", "--set", "/network/layers/2/channels=2000")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("checkpoint.bin", done.stderr)
        self.assertEqual([p.name for p in (self.dir / "c").iterdir()], ["config.json"])

    def test_standard_output_full(self):
        programs = self.dir / "programs"
        self.assertEqual(self.call("compile", self.write_config(), "--out", programs).returncode, 0)
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([self.anzan, "disasm", programs], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"standard output", done.stderr)

    def test_programs(self):
        config, programs = self.write_config(), self.dir / "programs"
        self.assertEqual(self.call("compile", config, "--out", programs).returncode, 0)
        content = programs.read_bytes()
        self.assert_wrong_input(self.call("disasm", self.dir / "none"), "no such file")
        for name, damaged, part in (("cut", content[:-2], "cut short"), ("other", b"ELF", "no programs"),
                                    ("opcode", content.replace(b"\n", b"\n\xff", 2)[: len(content)], "expected")):
            with self.subTest(name):
                (self.dir / name).write_bytes(damaged)
                self.assert_wrong_input(self.call("disasm", self.dir / name), part)
        self.assert_wrong_input(self.call("compile", config, "--dump", "magic"), "--dump", "magic", "memory")

    def test_wrong_input_leaves_an_earlier_result_alone(self):
        self.run_config("out")
        before = (self.dir / "out" / "result.json").read_bytes()
        done = self.call("run", self.write_config(), "--out", self.dir / "out", "--set", "/training/batch=0")
        self.assert_wrong_input(done)
        self.assertEqual((self.dir / "out" / "result.json").read_bytes(), before)
        json.loads(before)


if __name__ == "__main__":
    main()
