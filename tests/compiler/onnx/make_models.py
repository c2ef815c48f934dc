#!/usr/bin/env python3
"""Makes models/: networks as PyTorch's exporter writes them, with images and what PyTorch says of them.

Needs Debian's python3-torch and python3-onnx; no test needs either:

    /usr/bin/python3 tests/compiler/onnx/make_models.py
"""
import pathlib

import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import nn

MODELS = pathlib.Path(__file__).parent / "models"


class LeNet(nn.Module):
    """The usual reshape by the batch's own size, and a softmax."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 5), nn.Conv2d(4, 6, 5, bias=False)
        self.bn = nn.BatchNorm2d(6)
        self.fc1, self.fc2 = nn.Linear(6 * 4 * 4, 12), nn.Linear(12, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.bn(self.conv2(x))), 2)
        x = x.view(x.size(0), -1)
        return F.softmax(self.fc2(F.relu(self.fc1(x))), 1)


class Residual(nn.Module):
    """Blocks of a ResNet, with a projection, and a mean over all pixels."""

    def __init__(self):
        super().__init__()
        self.stem, self.bn0 = nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv1, self.bn1 = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 12, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(12)
        self.down, self.bn3 = nn.Conv2d(8, 12, 1, stride=2, bias=False), nn.BatchNorm2d(12)
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(12, 5)

    def forward(self, x):
        x = F.relu(self.bn0(self.stem(x)))
        x = F.relu(self.bn1(self.conv1(x)) + x)
        x = F.relu(self.bn2(self.conv2(x)) + self.bn3(self.down(x)))
        return self.fc(torch.flatten(self.pool(x), 1))


class Mobile(nn.Module):
    """Depthwise convolutions, squeeze and excitation, hard-swish, SiLU and ReLU6."""

    def __init__(self):
        super().__init__()
        self.expand = nn.Conv2d(3, 10, 1)
        self.depth = nn.Conv2d(10, 10, 3, stride=2, padding=1, groups=10)
        self.squeeze, self.excite = nn.Conv2d(10, 4, 1), nn.Conv2d(4, 10, 1)
        self.project, self.fc = nn.Conv2d(10, 6, 1), nn.Linear(6, 3)

    def forward(self, x):
        x = F.hardswish(self.expand(x))
        x = F.relu6(self.depth(x))
        scale = F.hardsigmoid(self.excite(F.relu(self.squeeze(F.adaptive_avg_pool2d(x, 1)))))
        x = F.silu(self.project(x * scale))
        return self.fc(x.mean([2, 3]))


class Branches(nn.Module):
    """Branches that are put together; pools that round up or leave padding out; other curves; dilation."""

    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 4, 1), nn.Conv2d(2, 6, 3, padding=2, dilation=2)
        self.c, self.fc = nn.Conv2d(12, 5, 3, groups=1, padding=(0, 1)), nn.Linear(5 * 3 * 5, 4)
        self.dropout = nn.Dropout(0.3)

    def forward(self, x):
        pooled = F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)
        x = torch.cat([torch.tanh(self.a(x)), torch.sigmoid(self.b(x)), pooled], 1)
        x = F.max_pool2d(x, 2, ceil_mode=True)
        x = F.leaky_relu(self.c(F.pad(x, (0, 0, 1, 0))), 0.2)
        return F.log_softmax(self.fc(self.dropout(x.reshape(-1, 5 * 3 * 5))), 1)


class Perceptron(nn.Module):
    """Products and sums that are no linear layers."""

    def __init__(self):
        super().__init__()
        self.w1, self.b1 = nn.Parameter(torch.randn(20, 9) * 0.3), nn.Parameter(torch.randn(9))
        self.w2 = nn.Parameter(torch.randn(4, 9) * 0.3)

    def forward(self, x):
        return torch.relu(x.view(-1, 20) @ self.w1 + self.b1) @ self.w2.t()


def settle(model):
    """Averages and weights of normalisations that are not those of a new one."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, least, most in ((module.running_mean, -1, 1), (module.running_var, 0.5, 2),
                                        (module.weight.data, 0.5, 1.5), (module.bias.data, -1, 1)):
                tensor.uniform_(least, most)


def write(name, model, shape, opset, free=False, fold=True, training=torch.onnx.TrainingMode.EVAL):
    """A folder as ONNX has them for its own tests."""
    settle(model)
    model.eval()
    images = torch.randn(shape)
    data = MODELS / name / "test_data_set_0"
    data.mkdir(parents=True, exist_ok=True)
    axes = {"images": {0: "batch"}, "scores": {0: "batch"}} if free else None
    torch.onnx.export(model, images, str(MODELS / name / "model.onnx"), input_names=["images"], output_names=["scores"],
                      dynamic_axes=axes, opset_version=opset, do_constant_folding=fold, training=training)
    with torch.no_grad():
        scores = model(images)
    for file, tensor in (("input_0.pb", images), ("output_0.pb", scores)):
        (data / file).write_bytes(numpy_helper.from_array(tensor.numpy()).SerializeToString())
    onnx.checker.check_model(str(MODELS / name / "model.onnx"))


def main():
    torch.manual_seed(1)
    preserve = torch.onnx.TrainingMode.PRESERVE
    write("lenet_free_batch", LeNet(), (2, 1, 28, 28), 13, free=True, fold=False, training=preserve)
    write("lenet_fixed_batch", LeNet(), (3, 1, 28, 28), 9, training=preserve)
    write("lenet_opset_7", LeNet(), (2, 1, 28, 28), 7)
    write("residual", Residual(), (2, 3, 8, 8), 11, free=True, training=preserve)
    write("residual_fused", Residual(), (1, 3, 8, 8), 17)
    write("mobile", Mobile(), (2, 3, 9, 7), 14, free=True)
    write("mobile_unfolded", Mobile(), (2, 3, 9, 7), 16, fold=False)
    write("branches", Branches(), (2, 2, 8, 10), 12, free=True)
    write("branches_training", Branches(), (2, 2, 8, 10), 15, training=torch.onnx.TrainingMode.TRAINING)
    write("perceptron", Perceptron(), (4, 1, 4, 5), 13, free=True)
    write("perceptron_unfolded", Perceptron(), (4, 1, 4, 5), 10, fold=False)


if __name__ == "__main__":
    main()
