"""Runs the `anzan` program on small inputs that the tests make themselves. Standard library only."""

import copy
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

NETWORK = {
    "name": "small",
    "input": {"channels": 1, "height": 8, "width": 8, "scale": 0.00390625},
    "layers": [
        {"name": "conv", "type": "convolution", "channels": 6, "kernel": 3, "padding": 1, "bias_lr": 2},
        {"name": "pool", "type": "max_pool", "kernel": 2, "stride": 2},
        {"name": "fc1", "type": "fully_connected", "channels": 20},
        {"name": "relu", "type": "relu"},
        {"name": "fc2", "type": "fully_connected", "channels": 4},
        {"name": "loss", "type": "softmax_cross_entropy"},
    ],
}
CONFIG = {
    "network": NETWORK,
    "dataset": {"kind": "idx", "train_images": "train-images", "train_labels": "train-labels",
                "test_images": "test-images", "test_labels": "test-labels"},
    "training": {
        "batch": 16, "iterations": 40, "seed": 3, "test_interval": 20, "snapshot_interval": 0,
        "optimizer": {"momentum": 0.9, "weight_decay": 5e-4,
                      "learning_rate": {"policy": "inv", "base": 0.02, "gamma": 1e-3, "power": 0.75}},
    },
    "precision": {"preset": "int8"},
    "chip": {"lanes": 16, "scratchpad_kib": 256},
}


def idx(shape, data):
    return struct.pack(">HBB", 0, 8, len(shape)) + struct.pack(f">{len(shape)}I", *shape) + bytes(data)


def images(count, seed, size=8, classes=4):
    """Images in which class k has a bright row k, and their labels."""
    draw = random.Random(seed)
    labels = [draw.randrange(classes) for _ in range(count)]
    pixels = [draw.randrange(64) + (160 if p // size == label else 0) for label in labels for p in range(size * size)]
    return idx((count, size, size), pixels), idx((count,), labels)


class AnzanTest(unittest.TestCase):
    anzan = ""  # path of the program, set by main()

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix="anzan_test_")
        self.addCleanup(scratch.cleanup)
        self.dir = Path(scratch.name)
        for name, count, seed in (("train", 100, 1), ("test", 40, 2)):
            pixels, labels = images(count, seed)
            (self.dir / f"{name}-images").write_bytes(pixels)
            (self.dir / f"{name}-labels").write_bytes(labels)
        self.config = copy.deepcopy(CONFIG)

    def write_config(self, name="config.json"):
        path = self.dir / name
        path.write_text(json.dumps(self.config))
        return path

    def call(self, *arguments, **options):
        options.setdefault("timeout", 120)
        return subprocess.run([self.anzan, *map(str, arguments)], capture_output=True, text=True, **options)

    def start(self, *arguments):
        process = subprocess.Popen([self.anzan, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def run_config(self, out, *arguments, config=None):
        """Runs to the end; returns the result."""
        done = self.call("run", config or self.write_config(), "--out", self.dir / out, "--quiet", *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout, "")
        return json.loads((self.dir / out / "result.json").read_text())

    def assert_wrong_input(self, done, *parts):
        self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
        for part in parts:
            self.assertIn(part, done.stderr)


def main():
    AnzanTest.anzan = os.path.abspath(sys.argv.pop(1))
    if not os.access(AnzanTest.anzan, os.X_OK):
        sys.exit(f"not a program: {AnzanTest.anzan}")
    program = unittest.main(exit=False)
    sys.exit(not program.result.wasSuccessful() or program.result.testsRun == 0)
