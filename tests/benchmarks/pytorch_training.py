#!/usr/bin/env python3
"""Measures how many images a second PyTorch trains a network with in FP32: the speed to compare with.

    /usr/bin/python3 tests/benchmarks/pytorch_training.py [lenet|resnet20] [--threads N] [--data FOLDER]

The networks are those of workloads/networks: LeNet with 64 images a step, ResNet-20 with 128, SGD with momentum 0.9
and weight decay. Needs Debian's python3-torch and libopenblas0-pthread (with the reference BLAS it
is several times slower), which nothing else here does; it is no test. Without --data (LeNet's) the images are
random. Debian's OpenBLAS takes some newer CPUs for old ones: compare with OPENBLAS_CORETYPE=SkylakeX in
the environment, and set OPENBLAS_NUM_THREADS to the number of threads. Prints one JSON object; the best and the median are over
stretches of steps, images_per_cpu_second divides by the processor time of all threads.
"""
import argparse
import json
import os
import statistics
import time
from pathlib import Path

import numpy
import torch
from torch import nn


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


class Block(nn.Module):
    def __init__(self, inputs, channels, stride):
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(inputs, channels, 3, stride, 1, bias=False), nn.BatchNorm2d(channels), nn.ReLU(),
            nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))
        self.short = nn.Identity() if stride == 1 else nn.Sequential(
            nn.Conv2d(inputs, channels, 1, stride, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x):
        return torch.relu(self.inner(x) + self.short(x))


def resnet20():
    layers, channels = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for width in (16, 32, 64):
        for block in range(3):
            layers.append(Block(channels, width, 2 if block == 0 and width > 16 else 1))
            channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


# network, images a step, their shape, weight decay
NETWORKS = {"lenet": (lenet, 64, (1, 28, 28), 5e-4), "resnet20": (resnet20, 128, (3, 32, 32), 1e-4)}


def batches(folder, count, batch, shape):
    """`count` batches (images in [0, 1), labels): from the IDX files in `folder`, or random."""
    size = count * batch
    if folder is None:
        generator = torch.Generator().manual_seed(1)
        images = torch.rand((size, *shape), generator=generator)
        labels = torch.randint(0, 10, (size,), generator=generator)
    else:
        pixels = numpy.fromfile(folder / "train-images-idx3-ubyte", dtype=numpy.uint8)[16:16 + size * 784]
        classes = numpy.fromfile(folder / "train-labels-idx1-ubyte", dtype=numpy.uint8)[8:8 + size]
        images = torch.from_numpy(pixels.reshape(-1, 1, 28, 28).astype(numpy.float32) / 256)
        labels = torch.from_numpy(classes.astype(numpy.int64))
    return list(zip(images.split(batch), labels.split(batch)))


def blas():
    """File name of the BLAS in use: the figures mean little with the reference one."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").split()
    return sorted({os.path.basename(word) for word in maps if "blas" in os.path.basename(word)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", nargs="?", choices=NETWORKS, default="lenet")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, help="folder with the uncompressed IDX files")
    parser.add_argument("--steps", type=int, default=25, help="steps of a stretch")
    parser.add_argument("--stretches", type=int, default=20)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    make, batch, shape, decay = NETWORKS[arguments.network]
    network, loss = make(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=decay)
    data = batches(arguments.data, 64, batch, shape)

    def step(number):
        images, labels = data[number % len(data)]
        optimizer.zero_grad(set_to_none=True)
        value = loss(network(images), labels)
        value.backward()
        optimizer.step()
        return value

    for number in range(arguments.steps):  # warm-up
        step(number)
    rates, done, cpu = [], arguments.steps, time.process_time()
    for _ in range(arguments.stretches):
        start = time.perf_counter()
        for _ in range(arguments.steps):
            last = step(done)
            done += 1
        rates.append(arguments.steps * batch / (time.perf_counter() - start))
    cpu = time.process_time() - cpu
    print(json.dumps({
        "network": arguments.network,
        "torch": torch.__version__,
        "threads": arguments.threads,
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE"),
        "images_per_second": {"median": round(statistics.median(rates)), "best": round(max(rates))},
        "images_per_cpu_second": round(arguments.stretches * arguments.steps * batch / cpu),
        "last_loss": round(last.item(), 4),
        "blas": blas(),
        "load_average": round(os.getloadavg()[0], 2),
    }))


if __name__ == "__main__":
    main()
