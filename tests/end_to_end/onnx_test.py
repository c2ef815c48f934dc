"""ONNX through the program: networks that come with their weights, and trained ones that go.

onnx_test.py ANZAN [unittest arguments]
"""

import json
import shutil
import subprocess
from pathlib import Path

from anzan_harness import AnzanTest, main

MODELS = Path(__file__).parent.parent / "compiler" / "onnx" / "models"
# Debian's, whose module onnx is not a module of every other Python.
SYSTEM_PYTHON = "/usr/bin/python3"


class Onnx(AnzanTest):
    def use(self, network):
        self.config["network"] = str(network)

    def export(self, run, name):
        done = self.call("export", self.dir / run, self.dir / name, "--quiet")
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.dir / name

    def untrained(self, name, *arguments):
        """The network as it begins, by a run whose steps change nothing."""
        self.run_config(name, "--set", "/training/iterations=1", "--set", "/training/optimizer/weight_decay=0",
                        "--set", "/training/optimizer/learning_rate={\"policy\": \"fixed\", \"base\": 0}", *arguments)
        return self.export(name, name + ".onnx")

    def test_an_exported_network_trains_to_the_same_bits(self):
        for preset in ("fp32", "int8_master32"):
            with self.subTest(preset):
                self.config["precision"] = {"preset": preset}
                before = self.run_config(preset + "_json")
                start = self.untrained(preset)
                network = self.config["network"]
                self.use(start)
                after = self.run_config(preset + "_onnx", "--seed", "99" if preset == "fp32" else "3",
                                        "--set", "/training/shuffle=false")
                again = self.run_config(preset + "_again", config=self.dir / f"{preset}_onnx" / "config.json")
                self.assertEqual(again["digest"], after["digest"])
                self.config["network"] = network
                same = self.run_config(preset + "_same", "--set", "/training/shuffle=false")
                self.assertNotEqual(before["digest"], same["digest"])  # another order: the comparison can fail
                if preset == "fp32":
                    self.assertEqual(after["digest"], same["digest"])

    def test_what_is_exported_twice_is_the_same(self):
        for preset in ("fp32", "int16", "int8"):
            with self.subTest(preset):
                self.config["precision"] = {"preset": preset}
                self.run_config(preset)
                first = self.export(preset, preset + "_1.onnx")
                inlined = self.config["network"]
                self.use(first)
                second = self.untrained(preset + "_2")
                self.assertEqual(first.read_bytes(), second.read_bytes())
                self.config["network"] = inlined

    def test_other_programs_accept_what_is_exported(self):
        if subprocess.run([SYSTEM_PYTHON, "-c", "import onnx"], capture_output=True, check=False).returncode != 0:
            self.skipTest("needs python3-onnx")
        check = "import onnx, sys; onnx.checker.check_model(onnx.load(sys.argv[1]), full_check=True)"
        self.config["dataset"] = {"kind": "synthetic", "train_images_used": 64, "test_images_used": 16}
        for model in sorted(MODELS.iterdir()):
            with self.subTest(model.name):
                self.use(model / "model.onnx")
                file = self.untrained(model.name, "--set", "/precision/preset=fp32")
                done = subprocess.run([SYSTEM_PYTHON, "-c", check, str(file)], capture_output=True, text=True, check=False)
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_network_is_changed_and_its_weights_stay(self):
        start = self.untrained("start")
        self.use(start)
        bias = self.run_config("bias", "--set", "/network/layers/0/bias_lr=1")
        self.assertNotEqual(bias["digest"], self.run_config("plain")["digest"])
        config = json.loads((self.dir / "bias" / "config.json").read_text())
        self.assertEqual(config["network"]["weights"], str(start))
        self.assertEqual(config["network"]["layers"][0]["bias_lr"], 1)
        self.assert_wrong_input(self.call("run", self.write_config(), "--set", "/network/layers/0/channels=5"),
                                "/network/weights: found conv.bias of 6 values, expected 5", "conv.weight of 54 values, expected 45")
        # A last layer of another name is drawn anew; the others keep what they have.
        head = self.run_config("head", "--set", "/network/layers/4/name=head", "--set", '/network/layers/5/inputs=["head"]')
        self.assertEqual([layer["name"] for layer in head["network"]["layers"]], ["conv", "pool", "fc1", "relu", "head", "loss"])

    def test_a_checkpoint_belongs_to_its_weights(self):
        start, other = self.untrained("start"), self.untrained("other", "--seed", "9")
        moved = self.dir / "moved.onnx"
        self.use(start)
        whole = self.run_config("whole")
        self.run_config("part", "--set", "/training/iterations=20")
        shutil.copy(start, moved)
        self.use(other)
        self.assert_wrong_input(self.call("run", self.write_config(), "--out", self.dir / "part", "--resume"), "/network/weights")
        self.use(moved)  # the same values in another place
        self.assertEqual(self.run_config("part", "--resume")["digest"], whole["digest"])

    def test_what_is_wrong_is_said(self):
        self.use("none.onnx")
        self.assert_wrong_input(self.call("compile", self.write_config()), "none.onnx: found no such file", "an ONNX model")
        (self.dir / "text.onnx").write_text("no model")
        self.use("text.onnx")
        self.assert_wrong_input(self.call("compile", self.write_config()), "text.onnx: found a broken protobuf message")
        self.assert_wrong_input(self.call("export", self.dir / "none", self.dir / "x.onnx"), "config.json: found no such file")
        self.assertFalse((self.dir / "x.onnx").exists())
        self.use(MODELS / "residual" / "model.onnx")
        self.assert_wrong_input(self.call("run", self.write_config(), "--out", self.dir / "out"), "expected images of 100x3x8x8")


if __name__ == "__main__":
    main()
