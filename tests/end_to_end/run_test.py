"""Runs through the program: results that must not differ, interruption and resumption, what is printed.

run_test.py ANZAN [unittest arguments]
"""

import ast
import fcntl
import hashlib
import itertools
import json
import math
import os
import pathlib
import pty
import re
import signal
import struct
import subprocess
import termios
import time
import unittest
import zipfile

from anzan_harness import AnzanTest, main

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def bits(result):
    """What must be the same for the same training, however it was run."""
    return result["digest"], result["accuracy"]["history"], [(s["name"], s["history"], s["histogram"], s["saturation_rate"]) for s in result["precision"]["slots"]]


class Runs(AnzanTest):
    def test_learns_and_reports(self):
        self.config["training"]["iterations"] = 200
        result = self.run_config("out")
        self.assertGreater(result["accuracy"]["test"], 0.9)
        self.assertEqual([h["step"] for h in result["accuracy"]["history"]], list(range(20, 201, 20)))
        self.assertLess(result["accuracy"]["train_loss"], result["accuracy"]["history"][0]["train_loss"])
        self.assertEqual(result["training"], {"images_seen": 200 * 16, "steps": 200, "until": None, "ended_by": "iterations"})
        self.assertEqual(result["simulation"]["engine"], "functional")
        slots = {s["name"]: s for s in result["precision"]["slots"]}
        self.assertEqual(slots["conv.weight"]["format"], "int8")
        self.assertGreater(slots["conv.weight"]["values"], 200 * 54 - 1)
        self.assertGreater(sum(slots["conv.activation"]["histogram"]), 0)
        self.assertEqual(sorted(p.name for p in (self.dir / "out").iterdir()), ["checkpoint.bin", "config.json", "result.json", "weights.npz"])

    def test_every_preset_trains(self):
        for preset in ("fp32", "int16", "int8", "int8_master16", "int8_master32"):
            with self.subTest(preset):
                result = self.run_config(preset, "--set", f"/precision/preset={preset}", "--set", "/training/iterations=200")
                self.assertGreater(result["accuracy"]["test"], 0.9)

    def test_until(self):
        until = self.run_config("out", "--until", "0.5", "--set", "/training/iterations=400", "--set", "/training/test_interval=10")
        self.assertEqual((until["training"]["ended_by"], until["training"]["until"]), ("until", 0.5))
        self.assertLess(until["training"]["steps"], 400)
        *before, last = until["accuracy"]["history"]
        self.assertTrue(last["test"] >= 0.5 and all(h["test"] < 0.5 for h in before), until["accuracy"])
        self.assertEqual(last["step"], until["training"]["steps"])
        for wrong in ("0", "1.01", "soon", ""):
            self.assert_wrong_input(self.call("run", self.write_config(), "--until", wrong), "/training/until: found ")

    def test_cost_needs_no_data_and_synthetic_no_file(self):
        self.config["dataset"] = {"kind": "cifar100", "directory": "nowhere"}
        config = self.write_config()
        done = self.call("cost", config)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assert_wrong_input(self.call("run", config, "--out", self.dir / "out"), "/dataset/directory: found no whole cifar100", "train.bin")
        self.config["dataset"] = {"kind": "synthetic"}
        self.assertEqual(self.call("cost", self.write_config()).stdout, done.stdout)
        result = self.run_config("out")
        evaluated = self.call("evaluate", self.dir / "out")
        self.assertIn(f"test accuracy {100 * result['accuracy']['test']:.2f} % ", evaluated.stdout)

    def test_bits_do_not_depend_on_how_it_runs(self):
        # Stochastic rounding everywhere and augmentation, so that their random words are held to the same.
        self.config["training"]["augmentation"] = {"pad": 1, "flip": True}
        self.config["precision"]["default"] = {"rounding": "stochastic"}
        reference = bits(self.run_config("a", "--threads", "1"))
        self.assertEqual(bits(self.run_config("b", "--threads", "2")), reference)
        self.assertEqual(bits(self.run_config("c", "--threads", "5")), reference)
        for kib in (64, 2048):
            self.assertEqual(bits(self.run_config(f"k{kib}", "--set", f"/chip/scratchpad_kib={kib}")), reference)
        self.assertEqual(bits(self.run_config("d", config=self.dir / "a" / "config.json")), reference)
        # Tests in between do not disturb training.
        rarely = self.run_config("e", "--set", "/training/test_interval=0")
        self.assertEqual(rarely["digest"], reference[0])
        self.assertEqual(rarely["accuracy"]["history"], reference[1][-1:])

    def test_bits_and_cycles_do_not_depend_on_the_engine(self):
        self.config["precision"] = {"preset": "int8_master16", "default": {"rounding": "stochastic"}, "weight": {"policy": {"kind": "predictive"}}}
        self.config["chip"] = {"lanes": 4, "scratchpad_kib": 16}
        self.config["training"].update(batch=4, iterations=3, test_interval=0)
        self.config["dataset"]["test_images_used"] = 6
        for cores in ((), ("--set", "/chip/cores=2", "--set", "/system/chips=2", "--set", "/training/batch=16")):
            results = {kind: self.run_config(kind, "--engine", kind, *cores) for kind in ("functional", "cycle", "rtl")}
            for kind, result in results.items():
                with self.subTest(kind, cores=cores):
                    self.assertEqual(result["simulation"]["engine"], kind)
                    self.assertEqual(bits(result), bits(results["functional"]))
                    self.assertEqual(result["time"], results["functional"]["time"])
                    self.assertEqual(result["traffic"], results["functional"]["traffic"])

    def test_bits_depend_on_seed_and_settings(self):
        digests = {json.dumps(self.run_config(f"r{i}", *arguments)["digest"]) for i, arguments in enumerate(
            [(), ("--seed", "4"), ("--set", "/training/shuffle=false"), ("--set", "/precision/weight/rounding=nearest_even"),
             ("--set", "/training/optimizer/learning_rate/base=0.03"), ("--set", "/network/layers/0/channels=7")])}
        self.assertEqual(len(digests), 6)
        self.assertEqual(self.run_config("s", "--seed", "4", "--set", "/training/seed=9")["digest"], self.run_config("t", "--seed", "4")["digest"])

    def test_effective_configuration(self):
        self.run_config("out", "--set", "/engine/threads=1", "--set", "/network/layers/2/channels=12")
        config = json.loads((self.dir / "out" / "config.json").read_text())
        self.assertEqual(config["network"]["layers"][2]["channels"], 12)
        self.assertEqual(config["engine"], {"kind": "functional", "rtl": [], "threads": 1})
        self.assertEqual(config["precision"]["weight"]["width"], 8)
        self.assertTrue(os.path.isabs(config["dataset"]["train_images"]))

    def test_default_output_directory(self):
        config = self.write_config("trial.json")
        done = self.call("run", config, cwd=self.dir)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.dir / "results" / "trial" / "result.json").exists())

    def test_plain_output(self):
        done = self.call("run", self.write_config(), "--out", self.dir / "out")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("\r", done.stdout)
        lines = done.stdout.splitlines()
        self.assertRegex(lines[0], r"^1/40  0:\d\d elapsed, \d+:\d\d remaining  \d+ images/s  loss \d\.\d{4}$")
        self.assertTrue(any(line.startswith("40/40") and "test" in line for line in lines))
        self.assertRegex(done.stdout, r"test accuracy \d+\.\d\d %, \d+ images/s")
        self.assertRegex(done.stdout, r"conv\.weight +int8 +8 +-?\d+ +\d\.\d\de")

    # Where no pseudo-terminals are mounted, as in some containers, there is none to look at.
    @unittest.skipUnless(os.path.ismount("/dev/pts"), "/dev/pts is not mounted: no terminal to try the output on")
    def test_terminal_output(self):
        main_end, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 120, 0, 0))
        process = subprocess.Popen([self.anzan, "run", self.write_config(), "--out", self.dir / "out"], stdout=terminal, stderr=subprocess.PIPE)
        os.close(terminal)
        output = b""
        try:
            while True:
                piece = os.read(main_end, 65536)
                if not piece:
                    break
                output += piece
        except OSError:  # the terminal has been closed
            pass
        os.close(main_end)
        self.assertEqual(process.wait(timeout=60), 0, process.stderr.read())
        process.stderr.close()
        self.assertIn(b"\r", output)
        self.assertRegex(output, rb"\[#*\.+\] \d+/40 ")
        self.assertRegex(output, rb"\[#+\] 40/40 .* test \d+\.\d\d %")


class Interruption(AnzanTest):
    def setUp(self):
        super().setUp()
        self.config["training"].update(iterations=3000, test_interval=500, snapshot_interval=0, augmentation={"pad": 1, "flip": True})
        self.config["precision"]["default"] = {"rounding": "stochastic"}
        self.config["precision"]["weight"] = {"policy": {"kind": "predictive", "interval": 7, "decay": 128}}

    def interrupted(self, out, number, lines, *arguments):
        """Starts a run, sends the signal once it has printed so many lines, and returns its end."""
        process = self.start("run", self.write_config(), "--out", self.dir / out, *arguments)
        for _ in range(lines):
            self.assertNotEqual(process.stdout.readline(), "", "the run ended too early")
        process.send_signal(number)
        process.stdout.read()
        errors = process.stderr.read()
        return process.wait(timeout=60), errors

    def test_signals_and_resumption(self):
        reference = bits(self.run_config("whole"))
        for number, lines in ((signal.SIGINT, 1), (signal.SIGTERM, 12)):
            with self.subTest(number):
                out = f"out{number}"
                status, errors = self.interrupted(out, number, lines)
                self.assertEqual(status, 1, errors)
                self.assertRegex(errors, r"interrupted after step \d+; --resume")
                self.assertEqual(sorted(p.name for p in (self.dir / out).iterdir()), ["checkpoint.bin", "config.json"])
                status, errors = self.interrupted(out, number, 2, "--resume", "--threads", "1")  # and once more
                self.assertEqual(status, 1, errors)
                self.assertEqual(bits(self.run_config(out, "--resume")), reference)

    def test_resumption_after_a_crash(self):
        self.config["training"]["snapshot_interval"] = 150
        reference = bits(self.run_config("whole"))
        process = self.start("run", self.write_config(), "--out", self.dir / "out")
        deadline = time.monotonic() + 60
        while not (self.dir / "out" / "checkpoint.bin").exists():
            self.assertIsNone(process.poll(), "the run ended too early")
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.002)
        process.kill()
        process.wait()
        self.assertFalse((self.dir / "out" / "result.json").exists())
        self.assertEqual(bits(self.run_config("out", "--resume")), reference)

    def test_checkpoints_that_do_not_fit(self):
        self.assert_wrong_input(self.call("run", self.write_config(), "--out", self.dir / "out", "--resume"), "checkpoint.bin: found no checkpoint")
        status, errors = self.interrupted("out", signal.SIGINT, 2)
        self.assertEqual(status, 1, errors)
        checkpoint = self.dir / "out" / "checkpoint.bin"
        content = checkpoint.read_bytes()
        resume = ("run", self.write_config(), "--out", self.dir / "out", "--resume")
        self.assert_wrong_input(self.call(*resume, "--seed", "4"), "a checkpoint of another configuration", "/training/seed: found 4, expected 3, as in")
        self.assert_wrong_input(self.call(*resume, "--set", "/training/iterations=1"), "/training/iterations: found 1, expected at least ")
        (self.dir / "train-labels").rename(self.dir / "kept")
        (self.dir / "train-labels").write_bytes((self.dir / "kept").read_bytes()[:-1] + b"\0")
        self.assert_wrong_input(self.call(*resume), "a checkpoint of another configuration or data set")
        (self.dir / "kept").rename(self.dir / "train-labels")
        checkpoint.write_bytes(re.sub(rb"^anzan checkpoint \d+", b"anzan checkpoint 1", content, count=1))
        self.assert_wrong_input(self.call(*resume), "a checkpoint of another version")
        for name, damaged in (("cut", content[:-1]), ("empty", b""), ("bit", content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])):
            with self.subTest(name):
                checkpoint.write_bytes(damaged)
                self.assert_wrong_input(self.call(*resume), "a damaged checkpoint")
        self.assertEqual(checkpoint.read_bytes(), content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
        # A new run in the same place does not lose it without being told to.
        self.assert_wrong_input(self.call("run", self.write_config(), "--out", self.dir / "out"), "a run that has not finished", "--restart")
        self.assertTrue(checkpoint.exists())
        self.run_config("out", "--restart", "--set", "/training/iterations=5")
        self.assertEqual(sorted(p.name for p in (self.dir / "out").iterdir()), ["checkpoint.bin", "config.json", "result.json", "weights.npz"])

    def forged(self, content, change):
        """The checkpoint with its header changed, and a digest that is right."""
        def block(at):
            size = struct.unpack_from("<Q", content, at)[0]
            return content[at + 8: at + 8 + size], at + 8 + size
        start = content.index(b"\n") + 1
        _, header_at = block(start)
        header, end = block(header_at)
        header = json.loads(header)
        change(header)
        text = json.dumps(header).encode()
        body = content[:header_at] + struct.pack("<Q", len(text)) + text + content[end:-64]
        return body + hashlib.sha256(body).hexdigest().encode()

    def test_forged_checkpoints(self):
        self.config["training"].update(iterations=10)
        self.run_config("out")
        checkpoint = self.dir / "out" / "checkpoint.bin"
        content = checkpoint.read_bytes()
        resume = ("run", self.write_config(), "--out", self.dir / "out", "--resume")
        checkpoint.write_bytes(self.forged(content, lambda header: None))
        self.assertEqual(self.call(*resume).returncode, 0)
        for key, value in (("step", -5), ("step", 10**18), ("step", "ten"), ("step", 9.5), ("step", None), ("losses", 3), ("losses", [0] * 101),
                           ("losses", ["x"]), ("history", [{"step": 11, "test": 0, "train_loss": 0}]), ("history", [1]), ("wall_seconds", -1),
                           ("slots", []), ("slots", {}), ("training_seconds", "x"), ("more", 1)):
            with self.subTest(key, value=value):
                checkpoint.write_bytes(self.forged(content, lambda header, key=key, value=value: header.update({key: value})))
                self.assert_wrong_input(self.call(*resume, timeout=30), "a damaged checkpoint")
        for entry in (-1, "x", 1e99, [], None):
            with self.subTest(slot=entry):
                checkpoint.write_bytes(self.forged(content, lambda header, entry=entry: header["slots"].__setitem__(0, [entry, 0, 0, [], [0] * 64])))
                self.assert_wrong_input(self.call(*resume, timeout=30), "a damaged checkpoint")
        checkpoint.write_bytes(self.forged(content, lambda header: header.update(step=11)))
        self.assert_wrong_input(self.call(*resume, timeout=30), "/training/iterations: found 10, expected at least 11")

    def test_more_iterations(self):
        self.config["training"].update(iterations=60, test_interval=20)
        whole = self.run_config("whole")
        self.run_config("out", "--set", "/training/iterations=40", "--set", "/training/test_interval=7")
        longer = self.run_config("out", "--resume")
        self.assertEqual(longer["digest"], whole["digest"])
        self.assertEqual(longer["accuracy"]["test"], whole["accuracy"]["test"])
        # Not where the learning rate depends on them.
        self.config["training"]["optimizer"]["learning_rate"] = {"policy": "poly", "base": 0.02, "power": 1}
        self.run_config("poly", "--set", "/training/iterations=40")
        self.assert_wrong_input(self.call("run", self.write_config(), "--out", self.dir / "poly", "--resume"), "/training/iterations: found 60, expected 40")

    def test_two_runs_in_one_directory(self):
        process = self.start("run", self.write_config(), "--out", self.dir / "out")
        self.assertNotEqual(process.stdout.readline(), "")
        before = (self.dir / "out" / "config.json").read_bytes()
        for more in ((), ("--restart",), ("--resume",)):
            self.assert_wrong_input(self.call("run", self.write_config(), "--out", self.dir / "out", "--seed", "2", *more), "another run writes here")
        self.assertEqual((self.dir / "out" / "config.json").read_bytes(), before)
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        process.stderr.read()
        self.assertEqual(process.wait(timeout=60), 1)

    def test_a_signal_before_the_first_step(self):
        self.config["training"].update(iterations=1)
        self.config["chip"] = {"lanes": 4}
        self.config["dataset"]["test_images_used"] = 4
        process = self.start("run", self.write_config(), "--out", self.dir / "out", "--engine", "rtl", "--set", "/training/batch=64")
        deadline = time.monotonic() + 60
        while not (self.dir / "out" / "config.json").exists():
            self.assertIsNone(process.poll())
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.002)
        process.send_signal(signal.SIGTERM)  # before the first step nothing is waited for
        self.assertIn("interrupted before the first step", process.stderr.read())
        self.assertEqual(process.wait(timeout=60), 1)
        self.assertFalse((self.dir / "out" / "checkpoint.bin").exists())

    def test_a_signal_to_other_commands(self):
        for command in (["cost", "-"], ["compile", "-"], ["collective", "-", "--bytes", "64MiB"]):
            process = subprocess.Popen([self.anzan, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            handled = 0  # it waits for the configuration
            while not handled >> (signal.SIGINT - 1) & 1:
                self.assertIsNone(process.poll())
                handled = int(re.search(r"SigCgt:\s*(\w+)", pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8"))[1], 16)
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(timeout=60), 1, command)
            output, errors = process.communicate()
            self.assertEqual((output, errors), ("", "\nanzan: interrupted before the end\n"), command)

    def test_two_signals(self):
        process = self.start("run", self.write_config(), "--out", self.dir / "out", "--threads", "1")
        self.assertNotEqual(process.stdout.readline(), "")
        process.send_signal(signal.SIGSTOP)
        os.waitpid(process.pid, os.WUNTRACED)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGCONT):  # both arrive before the step goes on
            process.send_signal(number)
        self.assertIn("interrupted again: ended within a step; there is no checkpoint", process.stderr.read())
        self.assertEqual(process.wait(timeout=60), 1)


class Weights(AnzanTest):
    def test_trained_weights(self):
        for preset, kind in (("int8", "|i1"), ("int16", "<i2"), ("fp32", None)):
            with self.subTest(preset):
                self.run_config(preset, "--set", f"/precision/preset={preset}")
                arrays = {}
                with zipfile.ZipFile(self.dir / preset / "weights.npz") as archive:
                    self.assertIsNone(archive.testzip())
                    for name in archive.namelist():
                        data = archive.read(name)
                        self.assertEqual(data[:8], b"\x93NUMPY\x01\x00")
                        size = struct.unpack_from("<H", data, 8)[0]
                        self.assertEqual((10 + size) % 64, 0)
                        header = ast.literal_eval(data[10:10 + size].decode())
                        code = {"<f4": "f", "|i1": "b", "<i2": "h", "<i4": "i"}[header["descr"]]
                        self.assertFalse(header["fortran_order"])
                        self.assertEqual(len(data) - 10 - size, math.prod(header["shape"]) * struct.calcsize(code))
                        arrays[name.removesuffix(".npy")] = (header, [v[0] for v in struct.iter_unpack("<" + code, data[10 + size:])])
                parameters = {"conv.weight": (6, 1, 3, 3), "conv.bias": (6,), "fc1.bias": (20,), "fc2.bias": (4,)}
                for name, shape in parameters.items():
                    self.assertEqual(arrays[name][0]["shape"], shape)
                self.assertEqual(len(arrays["fc1.weight"][1]), 20 * 6 * 16)
                stored = {name.removesuffix(".stored") for name in arrays if name.endswith(".stored")}
                self.assertEqual("conv.weight" in stored, kind is not None)
                for name in stored:
                    (header, numbers), (_, [point]) = arrays[name + ".stored"], arrays[name + ".point"]
                    if name == "conv.weight":
                        self.assertEqual(header["descr"], kind)
                        self.assertGreater(len(set(numbers)), 10)
                    self.assertEqual([n * 2.0 ** -point for n in numbers], arrays[name][1])

    def test_evaluation(self):
        for cores in ((), ("--set", "/chip/cores=2", "--set", "/training/batch=32")):
            out = f"out{len(cores)}"
            result = self.run_config(out, *cores)
            done = self.call("evaluate", self.dir / out)
            right = round(40 * result["accuracy"]["test"])
            self.assertEqual(done.stdout, f"test accuracy {100 * right / 40:.2f} % ({right} of 40 images; weights after step 40)\n", done.stderr)
        data = [f"/dataset/test_{kind}={self.dir}/train-{kind}" for kind in ("images", "labels")]
        done = self.call("evaluate", self.dir / "out0", "--set", data[0], "--set", data[1])
        self.assertIn("of 100 images", done.stdout, done.stderr)
        self.assert_wrong_input(self.call("evaluate", self.dir / "out0", "--set", "/chip/lanes=8"), "/chip/lanes: found 8, expected 16")
        self.assert_wrong_input(self.call("evaluate", self.dir / "none"), "config.json: found no such file")
        (self.dir / "out0" / "checkpoint.bin").unlink()
        self.assert_wrong_input(self.call("evaluate", self.dir / "out0"), "checkpoint.bin: found no checkpoint")


class Tools(AnzanTest):
    def test_version_and_help(self):
        self.assertRegex(self.call("--version").stdout, r"^anzan \d+\.\d+\.\d+\+[0-9a-f]{12}\n$")
        for arguments in (("--help",), ("run", "--help"), ("compile", "--help"), ("disasm", "--help")):
            self.assertEqual(self.call(*arguments).returncode, 0)

    def test_compile_and_disassemble(self):
        config, programs = self.write_config(), self.dir / "programs"
        done = self.call("compile", config, "--out", programs)
        self.assertEqual(done.returncode, 0, done.stderr)
        counts = {line.split(":")[0]: int(line.split()[1]) for line in done.stdout.splitlines() if "instructions" in line}
        self.assertEqual(list(counts), ["initialize", "calibrate", "step", "evaluate"])
        text = self.call("disasm", programs)
        self.assertEqual(text.returncode, 0, text.stderr)
        lines = [line for line in text.stdout.splitlines() if line]
        self.assertEqual([line for line in lines if line.startswith("#")], [f"# {name}" for name in counts])
        self.assertEqual(len(lines) - 4, sum(counts.values()))

    def memory(self, *arguments):
        done = self.call("memory", *arguments, "--json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["memory"]

    def test_memory_of_a_configuration(self):
        found = self.memory(self.write_config())
        self.assertLessEqual(found["lower_bound_bytes"], found["planned_bytes"])
        self.assertLessEqual(found["planned_bytes"], found["conventional_bytes"])
        self.assertEqual(found["techniques"][0]["chip_bytes"], found["conventional_bytes"])
        self.assertEqual([t["name"] for t in found["techniques"]],
                         ["conventional", "shared_gradients", "smaller_first", "lifetimes", "least_peak", "weight_parts", "recompute_cheap"])
        for a, b in itertools.combinations(found["plan"], 2):
            apart = a["offset"] + a["bytes"] <= b["offset"] or b["offset"] + b["bytes"] <= a["offset"]
            alive = a["persistent"] or b["persistent"] or (a["first_use"] <= b["last_use"] and b["first_use"] <= a["last_use"])
            self.assertTrue(apart or not alive, (a, b))
        self.assertIn("as configured", self.call("memory", self.write_config(), "--plan").stdout)
        for wrong in (("--batch", "0"), ("--batch", "many"), ("--format", "int9"), ("--hbm", "much")):
            done = self.call("memory", self.write_config(), *wrong)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn(f"found {wrong[1]}" if wrong[0] == "--hbm" or wrong[1] == "0" else wrong[1], done.stderr)

    def test_the_most_images_are_those_that_can_be_compiled(self):
        config = self.write_config()
        for images in (16, 160):
            text = self.call("compile", config, "--set", f"/training/batch={images}").stdout
            needed = int(text.split("HBM ")[1].split()[0])
            most = [self.memory(config, "--hbm", str(room))["largest"]["batch"] for room in (needed, needed - 1)]
            self.assertEqual(most, [images, images - 16])

    def test_memory_of_a_divided_network(self):
        self.assertEqual(self.memory(self.write_config())["divided"], [])
        network = ROOT / "workloads/networks/vgg16.json"
        sets = ("--batch", "128", "--format", "int8", "--set", "/chip/cores=4", "--set", "/memory/slack_percent=0",
                "--set", '/system/mapping={"pipeline": 4, "micro_batches": 8}')
        found = {one["schedule"]: one for one in self.memory(network, *sets)["divided"]}
        self.assertEqual(list(found), ["gpipe", "1f1b"])
        for one in found.values():
            self.assertEqual(len(one["stages_planned_bytes"]), 4)
            self.assertEqual(one["planned_bytes"], max(one["stages_planned_bytes"]))
            self.assertLessEqual(one["lower_bound_bytes"], one["planned_bytes"])
            self.assertLessEqual(one["planned_bytes"], 1.01 * one["lower_bound_bytes"])
        self.assertLess(found["1f1b"]["planned_bytes"], found["gpipe"]["planned_bytes"] / 4)
        self.assertRegex(self.call("memory", network, *sets).stdout, "1f1b +[0-9.]+ ")

    def test_twice_the_images_or_twice_the_network_fit(self):
        network = ROOT / "workloads/networks/vgg16.json"
        conventional = self.memory(network, "--batch", "16")["techniques"][0]["chip_bytes"]
        tight = ("--set", "/memory/slack_percent=0", "--set", "/memory/weight_gradient_kib=1")
        largest = self.memory(network, "--batch", "16", "--hbm", str(conventional), *tight)["largest"]
        self.assertGreaterEqual(largest["batch"], 2 * 16)
        self.assertGreaterEqual(largest["width"] ** 2, 2)  # weights grow with the square of the channels

    def test_dumps(self):
        config = self.write_config()
        for name in ("network", "graph", "training_graph", "precision", "tiles", "memory", "program"):
            with self.subTest(name):
                done = self.call("compile", config, "--dump", name)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertTrue(("tensor" if name == "program" else "conv") in done.stdout, done.stdout[:500])


if __name__ == "__main__":
    main()
