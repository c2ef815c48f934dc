#!/usr/bin/env python3
"""Measures how many images a second PyTorch trains LeNet with in FP32: the speed to compare with.

    /usr/bin/python3 tests/benchmarks/pytorch_lenet.py [--threads N] [--data FOLDER]

The network and the recipe are those of workloads/networks/lenet.json: batch 64, SGD with momentum 0.9
and weight decay 5e-4. Needs Debian's python3-torch and libopenblas0-pthread (with the reference BLAS it
is several times slower), which nothing else here does; it is no test. Without --data the images are
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

BATCH = 64


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 10))


def batches(folder, count):
    """`count` batches (images in [0, 1), labels): from the IDX files in `folder`, or random."""
    size = count * BATCH
    if folder is None:
        generator = torch.Generator().manual_seed(1)
        images = torch.rand((size, 1, 28, 28), generator=generator)
        labels = torch.randint(0, 10, (size,), generator=generator)
    else:
        pixels = numpy.fromfile(folder / "train-images-idx3-ubyte", dtype=numpy.uint8)[16:16 + size * 784]
        classes = numpy.fromfile(folder / "train-labels-idx1-ubyte", dtype=numpy.uint8)[8:8 + size]
        images = torch.from_numpy(pixels.reshape(-1, 1, 28, 28).astype(numpy.float32) / 256)
        labels = torch.from_numpy(classes.astype(numpy.int64))
    return list(zip(images.split(BATCH), labels.split(BATCH)))


def blas():
    """File name of the BLAS in use: the figures mean little with the reference one."""
    maps = Path("/proc/self/maps").read_text(encoding="utf-8").split()
    return sorted({os.path.basename(word) for word in maps if "blas" in os.path.basename(word)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--data", type=Path, help="folder with the uncompressed IDX files")
    parser.add_argument("--steps", type=int, default=25, help="steps of a stretch")
    parser.add_argument("--stretches", type=int, default=20)
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    torch.manual_seed(1)
    network, loss = lenet(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    data = batches(arguments.data, 64)

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
        rates.append(arguments.steps * BATCH / (time.perf_counter() - start))
    cpu = time.process_time() - cpu
    print(json.dumps({
        "torch": torch.__version__,
        "threads": arguments.threads,
        "openblas_coretype": os.environ.get("OPENBLAS_CORETYPE"),
        "images_per_second": {"median": round(statistics.median(rates)), "best": round(max(rates))},
        "images_per_cpu_second": round(arguments.stretches * arguments.steps * BATCH / cpu),
        "last_loss": round(last.item(), 4),
        "blas": blas(),
        "load_average": round(os.getloadavg()[0], 2),
    }))


if __name__ == "__main__":
    main()
