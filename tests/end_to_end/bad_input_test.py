"""Bad input through the program: status 2 with pointer, value and expectation, and no result.

bad_input_test.py ANZAN [unittest arguments]
"""

import hashlib
import json
import os
import resource
import stat
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
            ('/training/batch={"a":1}', "/training/batch:", 'found {"a":1}', "an integer from 1 to 65535"),
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
            ("/memory/budget_mib=0.001", "/memory/budget_mib", "found 1049 bytes", "at least 0."),
            ("/memory/budget_mib=1e-9", "/memory/budget_mib", "found 1 bytes", "at least 0."),
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
        self.assert_wrong_input(self.call(), "command: found nothing")
        self.assert_wrong_input(self.call("", config), "command: found nothing")
        self.assert_wrong_input(self.call("runn", config), 'did you mean "run"?')
        self.assert_wrong_input(self.call("run", config, "--seed", "1.5"), "/training/seed: found 1.5, expected an integer")
        self.assert_wrong_input(self.call("run", config, "--resume", "--restart"), "--restart")
        self.assert_wrong_input(self.call("cost", config, "--one-core-cycles", "0"), "--one-core-cycles: found 0, expected an integer from 1 to 9223372036854775807")
        for option, value in (("--seed", "-1"), ("--seed", "18446744073709551616"), ("--programs", "0"), ("--programs", "many"), ("--instructions", "1e3"), ("--lanes", "5")):
            self.assert_wrong_input(self.call("verify", option, value), f"{option}: found {value}, expected ")

    def test_allocate(self):
        file, out = self.dir / "p.csv", self.dir / "out.csv"
        file.write_text("id,lower,upper,size\na,0,4,3\nb,2,6,5\nc,4,9,3\n")
        done = self.call("allocate", file, "--out", out)
        self.assertEqual(done.returncode, 0)
        rows = [row.split(",") for row in out.read_text().splitlines()]
        self.assertEqual(rows[0], ["id", "lower", "upper", "size", "offset"])
        offsets = {row[0]: int(row[4]) for row in rows[1:]}
        self.assertEqual(offsets["a"], offsets["c"])
        self.assertEqual(sorted([offsets["a"], offsets["b"]])[0], 0)
        self.assertIn("height 8 (proved to be the least)", done.stderr)
        self.assertEqual(self.call("allocate", file).stdout, out.read_text())
        quality = json.loads(self.call("allocate", file, "--json", "--capacity", "8", "--gear", "fast").stdout)["allocation"]
        self.assertEqual((quality["height"], quality["fits"], quality["proved"]), (8, True, True))
        never = self.call("allocate", file, "--capacity", "7")
        self.assertEqual(never.returncode, 1)
        self.assertIn("proved that no plan fits", never.stderr)
        self.assertEqual(never.stdout, out.read_text())
        for name, text, *words in [("e", "", "no header"), ("n", "id,lower,upper,size\na,0,0,1\n", "line 2, column 3", "more than lower, 0"),
                                   ("t", "id,lower,upper,size\na,0,1,2\na,0,1,2\n", "line 3, column 1", "line 2 has the same")]:
            bad = self.dir / f"{name}.csv"
            bad.write_text(text)
            self.assert_wrong_input(self.call("allocate", bad, "--out", self.dir / "never.csv"), str(bad), *words)
            self.assertFalse((self.dir / "never.csv").exists())
        self.assert_wrong_input(self.call("allocate", self.dir), "a directory")
        self.assert_wrong_input(self.call("allocate", self.dir / "none.csv"), "no such file")
        for option, value, expected in [("--capacity", "0", "an integer from 1"), ("--capacity", "1e6", "an integer from 1"),
                                        ("--seconds", "0", "a number above 0"), ("--seconds", "nan", "a number above 0"), ("--gear", "slow", "one of fast, exact")]:
            self.assert_wrong_input(self.call("allocate", file, option, value), option, f"found {value}", expected)
        self.assert_wrong_input(self.call("allocate", file, "--out", "/proc/no/such"), "--out", "a file that can be")
        self.assert_wrong_input(self.call("allocate", file, "--json", "--out", "-"), "--json")

    def test_collectives(self):
        config, four = self.write_config(), ("--set", "/system/chips=4")
        done = self.call("collective", config, "--bytes", "1000", "--kind", "all_to_all", *four, "--out", self.dir / "c.json")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("all_to_all of", done.stdout)
        self.assertGreater(json.loads((self.dir / "c.json").read_text())["cycles"], 0)
        self.assert_wrong_input(self.call("collective", config, "--bytes", "1", "--kind", "gossip", *four), "--kind", "gossip", "one of all_reduce, ")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "1", "--format", "fp8", *four), "--format", "found fp8")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "0", *four), "--bytes: found 0")
        for size in ("9223372036854775808", "99999999999999999999", "8MiBs", "-1", "1.5"):
            self.assert_wrong_input(self.call("collective", config, f"--bytes={size}", *four), f"--bytes: found {size}, expected bytes, such as")
        for size, expected in (("700000000", "buffer and result take"), ("1e14", "at most the 1073741824 bytes of HBM"),
                               ("9223372036854775807", "at most the 1073741824 bytes of HBM")):
            self.assert_wrong_input(self.call("collective", config, "--bytes", size, "--set", "/system/chips=2", timeout=20), "--bytes: found ", expected)
        self.assertEqual(self.call("collective", config, "--bytes", "64KiB", *four).stdout, self.call("collective", config, "--bytes", "65536", *four).stdout)
        self.assert_wrong_input(self.call("collective", config, "--bytes", "64"), "/system/chips", "at least two cores")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "64", "--set", "/system/chips=lots"), "/system/chips")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "64", *four, "--out", "/proc/no/such"), "--out", "a file that can be")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "64", *four, "--trace", "/proc/no/such"), "--trace", "a file that can be")
        self.assert_wrong_input(self.call("collective", config, *four), "--bytes")
        wide = ("--set", "/system/chips=256", "--set", "/system/topology/kind=hypercube", "--set", "/system/exchange/dimensions=[2,2,2,2,2,2,2,2]")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "9000000", "--kind", "reduce_scatter", *wide, timeout=20),
                                "/system/exchange/dimensions", "semaphores")

    def test_a_cable_twice(self):
        twice = '/system/topology={"kind": "links", "sizes": [2, 2], "links": [[0, 1], [1, 0]]}'
        self.assert_wrong_input(self.call("collective", self.write_config(), "--bytes", "64", "--set", "/system/chips=2", "--set", twice),
                                "/system/topology/links/1: found [1,0]", "each cable once")

    def test_systems_too_large(self):
        config = self.write_config()
        for sets, *parts in ((("/system/chips=4096", "/chip/cores=1024"), "/system/chips: found 4096, expected at most 7 chips of 1024 cores"),
                             (("/system/chips=4096", "/chip/cores=2"), "/system/chips: found 4096, expected at most 3344 chips of 2 cores"),
                             (("/chip/cores=1024", "/system/mapping/automatic=true"), "/system/mapping"),
                             (("/system/chips=4096", "/system/exchange/algorithm=halving_doubling"), "/training/batch"),
                             (("/chip/cores=1024", ), "/training/batch")):
            with self.subTest(sets):
                arguments = [a for s in sets for a in ("--set", s)]
                self.assert_wrong_input(self.call("cost", config, *arguments, timeout=20), *parts)
        many = ("--set", "/system/chips=4096", "--set", "/system/exchange/algorithm=halving_doubling")
        self.assert_wrong_input(self.call("collective", config, "--bytes", "64", *many, timeout=60),
                                "/system/exchange/dimensions", "fewer: 1 ways through 12 dimensions need 13 semaphores of 12")

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
        self.assertFalse((self.dir / "a").exists())
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

    def test_what_is_no_regular_file(self):
        os.mkfifo(self.dir / "pipe")
        for place in ("pipe", "/dev/zero", "/dev/full"):
            self.wrong("/dataset/train_images", "not a regular file", sets=[f"/dataset/train_images={place}"])
        self.wrong("a string with a NUL character", sets=['/dataset/train_images="train-images\\u0000x"'])
        self.assert_wrong_input(self.call("cost", "/dev/zero", timeout=20), "a device, not a regular file")
        self.assert_wrong_input(self.call("cost", self.dir / "pipe", timeout=20), "an empty file")  # nobody writes
        config = json.dumps(self.config)
        for arguments in (("cost", "-"), ("cost", "/dev/stdin")):
            self.assertEqual(self.call(*arguments, input=config).returncode, 0)

    def test_output_that_is_no_regular_file(self):
        config, node = self.write_config(), self.dir / "node"
        if os.geteuid() == 0:
            os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # another /dev/null
            self.assertEqual(self.call("compile", config, "--out", node).returncode, 0)
            self.assertTrue(stat.S_ISCHR(node.stat().st_mode))
        (self.dir / "real").write_text("old")
        (self.dir / "link").symlink_to("real")
        self.assertEqual(self.call("compile", config, "--out", self.dir / "link").returncode, 0)
        self.assertTrue((self.dir / "link").is_symlink())
        programs = (self.dir / "real").read_bytes()
        self.assertTrue(programs.startswith(b"anzan programs 3\n"))
        for name in ("-", "/dev/stdout"):
            done = subprocess.run([self.anzan, "compile", config, "--out", name], capture_output=True, check=True, timeout=60)
            self.assertIn(programs, done.stdout)
        self.assertEqual(subprocess.run([self.anzan, "compile", config, "--out", "-"], capture_output=True, check=True, timeout=60).stdout, programs)
        done = subprocess.run(["sh", "-c", f"'{self.anzan}' compile '{config}' --out - > '{self.dir}/piped'"], capture_output=True, check=True, timeout=60)
        self.assertEqual((self.dir / "piped").read_bytes(), programs)

    def test_threads_that_cannot_be_started(self):
        limit = 200 << 20  # of address space: a thread wants 8 MiB of stack
        done = self.call("run", self.write_config(), "--out", self.dir / "out", "--threads", "1024",
                         preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)))
        if "AddressSanitizer" not in done.stderr:
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertRegex(done.stderr, r"cannot start thread \d+ of 1024|out of memory")

    def test_findings_are_safe_to_print(self):
        self.config["training"] = {"\u001b[2J\nbatch": 4, "a" * 100000: 1, **{f"key{i}": 1 for i in range(5000)}}
        done = self.wrong("\\x1b[2J\\nbatch", "… ", " more findings")
        self.assertNotIn("\x1b", done.stderr)
        self.assertLess(len(done.stderr), 1 << 20)
        self.assertLess(done.stderr.count("\n"), 1010)

    def test_layers_by_name(self):
        self.config["network"]["layers"][0]["type"] = "conv"
        self.wrong('/network/layers/0/type (layer conv): found "conv"', 'did you mean "convolution"?')
        self.wrong('did you mean "batch"?', sets=["/training/batchs=1"])

    def test_cheap_checks_come_first(self):
        self.assert_wrong_input(self.call("collective", self.write_config(), "--bytes", "1000000000", "--set", "/system/chips=64", "--out", "/proc/no/such", timeout=30), "a file that can be")
        # The convolution alone would take minutes to compile.
        self.config["network"]["input"].update(channels=64, height=1024, width=1024)
        config = self.write_config()
        for arguments, part in ((("run", "--out", self.dir / "out"), "images of"), (("run", "--out", "/proc/no/such"), "a directory that can be written"),
                                (("cost", "--out", "/proc/no/such"), "a directory that can be written"), (("compile", "--out", "/proc/no/such"), "a file that can be")):
            self.assert_wrong_input(self.call(arguments[0], config, *arguments[1:], timeout=30), part)

    def test_outputs_never_replace_what_is_read(self):
        config = self.write_config()
        before = config.read_bytes()
        self.assert_wrong_input(self.call("run", config, "--out", self.dir, "--set", "/training/iterations=1"), "--out", "which is the configuration")
        self.assert_wrong_input(self.call("compile", config, "--out", self.dir / "." / "config.json"), "--out", "which is the configuration")
        same = self.dir / "same.json"
        self.assert_wrong_input(self.call("collective", config, "--set", "/system/chips=2", "--bytes", "64", "--out", same, "--trace", same), "--trace", "which is --out's")
        self.assert_wrong_input(self.call("collective", config, "--set", "/system/chips=2", "--bytes", "64", "--out", "-", "--trace", "-"), "--trace", "standard output")
        self.assertEqual(config.read_bytes(), before)
        self.assertFalse(same.exists())
        (self.dir / "...json").write_bytes(before)
        self.assert_wrong_input(self.call("run", self.dir / "...json", cwd=self.dir), "--out", "a directory of the results")
        self.run_config("out", "--set", "/training/iterations=2", "--set", "/training/snapshot_interval=1")
        (self.dir / "link").symlink_to(self.dir / "out" / "checkpoint.bin")
        for file in ("out/checkpoint.bin", "out/weights.npz", "out/config.json", "out/result.json", "link"):
            self.assert_wrong_input(self.call("export", self.dir / "out", self.dir / file), "FILE", "a file of the run")
        # A run's own configuration is written again, by the same run with more steps.
        done = self.call("run", self.dir / "out" / "config.json", "--out", self.dir / "out", "--resume", "--set", "/training/iterations=3")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_presets_that_change_nothing(self):
        self.run_config("out", "--set", "/training/iterations=1")
        whole = self.dir / "out" / "config.json"
        for change in ("/precision/preset=fp32", "/chip/hbm/preset=hbm1_1000"):
            self.assert_wrong_input(self.call("cost", whole, "--set", change), change.split("=", maxsplit=1)[0], "a preset that changes something")
            self.assertEqual(self.call("cost", self.write_config(), "--set", change).returncode, 0)
        self.assertEqual(self.call("cost", whole, "--set", "/precision/preset=int8").returncode, 0)
        taken = [self.call("memory", *arguments, "--json").stdout for arguments in ((whole, "--format", "fp32"), (self.write_config(), "--format", "fp32"))]
        self.assertEqual(*[json.loads(text)["memory"]["planned_bytes"] for text in taken])

    def test_closed_descriptors(self):
        config, out = self.write_config(), self.dir / "out"

        def shell(command):
            return subprocess.run(["sh", "-c", f"'{self.anzan}' {command}"], capture_output=True, check=False, timeout=60)
        for command in (f"run '{config}' --out '{out}' --set /training/iterations=1 >&-", f"cost '{config}' >&-"):
            done = shell(command)
            self.assertEqual(done.returncode, 1, done.stderr)
            self.assertIn(b"cannot write to standard output", done.stderr)
        self.assertEqual(sorted(p.name for p in out.iterdir()), ["checkpoint.bin", "config.json", "result.json", "weights.npz"])
        for closed in ("2>&-", "2>/dev/full", ">&- 2>&-", "<&- >&- 2>&-"):
            self.assertEqual(shell(f"run '{self.dir}/none' {closed}").returncode, 2)
            self.assertEqual(shell(f"walk {closed}").returncode, 2)
        with open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([self.anzan, "compile", config, "--out", "-"], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
        self.assertEqual(done.returncode, 1)
        done = self.call("compile", config, "--out", self.dir / "programs", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)))
        self.assertEqual(done.returncode, 1, done.stderr)

    def test_standard_output_full(self):
        programs = self.dir / "programs"
        self.assertEqual(self.call("compile", self.write_config(), "--out", programs).returncode, 0)
        with open("/dev/full", "w", encoding="utf-8") as full:
            for arguments in (["disasm", programs], ["--help"], ["--version"]):
                done = subprocess.run([self.anzan, *arguments], stdout=full, stderr=subprocess.PIPE, check=False, timeout=60)
                self.assertEqual(done.returncode, 1, arguments)
                self.assertIn(b"standard output", done.stderr)

    def test_programs(self):
        config, programs = self.write_config(), self.dir / "programs"
        self.assertEqual(self.call("compile", config, "--out", programs).returncode, 0)
        content = programs.read_bytes()

        def signed(body):
            return body + hashlib.sha256(body).hexdigest().encode()
        self.assertEqual(signed(content[:-64]), content)
        self.assert_wrong_input(self.call("disasm", self.dir / "none"), "no such file")
        self.assert_wrong_input(self.call("disasm", self.dir), "a directory")
        for name, damaged, part in (("cut", content[:-2], "cut short"), ("other", b"ELF", "no programs"),
                                    ("opcode", signed(content[:-64].replace(b"\n", b"\n\xff", 2)), "expected"),
                                    ("bit", content[:5000] + bytes([content[5000] ^ 1]) + content[5001:], "damaged")):
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
