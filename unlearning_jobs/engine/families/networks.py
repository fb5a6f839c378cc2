"""The classifier networks that a recipe can name: a multilayer perceptron, a small CNN, ResNet-9 and ResNet-18.

The residual networks are the variants for small images, which begin with a 3 x 3 convolution without stride (He et al.
2016, arXiv 1512.03385, section 4.2; ResNet-9 as in the DAWNBench entries for CIFAR-10 (Page 2018)).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib import import_module
from itertools import pairwise
from typing import Final, Protocol

from torch import Tensor, nn

from unlearning_jobs.engine.contracts import ClassifierArchitecture
from unlearning_jobs.engine.errors import SpecError

GROUPS = 8
IMAGE_DIMENSIONS = 3


class Builder(Protocol):
    """Makes a network for inputs of this shape (images: channels, height, width) and this number of classes."""

    def __call__(self, shape: Sequence[int], classes: int, architecture: ClassifierArchitecture) -> nn.Module: ...


def make_network(architecture: ClassifierArchitecture, shape: Sequence[int], classes: int) -> nn.Module:
    """Make the network that the recipe names.

    Raises:
        SpecError: there is no such network, or it cannot be made for this data.
    """
    if architecture.is_imported:
        return _imported(architecture, shape, classes)
    if architecture.network not in NETWORKS:
        message = (
            f"There is no network {architecture.network[:60]!r}; choose {', '.join(NETWORKS)}, or package.module:Class."
        )
        raise SpecError(message)
    return NETWORKS[architecture.network](shape, classes, architecture)


def _imported(architecture: ClassifierArchitecture, shape: Sequence[int], classes: int) -> nn.Module:
    module, _, name = architecture.network.partition(":")
    try:
        network = getattr(import_module(module), name)(tuple(shape), classes, **architecture.options)
    except Exception as error:  # somebody else's module may raise anything
        message = f"{architecture.network[:60]} cannot be made for features of shape {tuple(shape)}: {type(error).__name__}."
        raise SpecError(message) from error
    if not isinstance(network, nn.Module):
        message = f"{architecture.network[:60]} is not an nn.Module; name a class that is one."
        raise SpecError(message)
    return network


def _mlp(shape: Sequence[int], classes: int, architecture: ClassifierArchitecture) -> nn.Module:
    sizes = [math.prod(shape), *[architecture.width] * architecture.depth]
    layers: list[nn.Module] = [nn.Flatten()]
    for size, following in pairwise(sizes):
        layers += [nn.Linear(size, following), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-1], classes))


def _cnn(shape: Sequence[int], classes: int, architecture: ClassifierArchitecture) -> nn.Module:
    """Two convolutions, each halving the image, and a linear head on their mean over the image."""
    channels, width, norm = _channels(shape), architecture.width, architecture.normalisation
    return nn.Sequential(
        *_convolution(channels, width, norm, stride=2),
        *_convolution(width, 2 * width, norm, stride=2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2 * width, classes),
    )


def _resnet9(shape: Sequence[int], classes: int, architecture: ClassifierArchitecture) -> nn.Module:
    channels, width, norm = _channels(shape), architecture.width, architecture.normalisation
    return nn.Sequential(
        *_convolution(channels, width, norm),
        *_convolution(width, 2 * width, norm, stride=2),
        Residual(_convolution(2 * width, 2 * width, norm) + _convolution(2 * width, 2 * width, norm)),
        *_convolution(2 * width, 4 * width, norm, stride=2),
        *_convolution(4 * width, 4 * width, norm, stride=2),
        Residual(_convolution(4 * width, 4 * width, norm) + _convolution(4 * width, 4 * width, norm)),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, classes),
    )


def _resnet18(shape: Sequence[int], classes: int, architecture: ClassifierArchitecture) -> nn.Module:
    channels, width, norm = _channels(shape), architecture.width, architecture.normalisation
    layers = _convolution(channels, width, norm)
    size = width
    for stage in range(4):
        following = width * 2**stage
        for block in range(2):
            stride = 2 if stage and not block else 1
            body = _convolution(size, following, norm, stride=stride)
            body += [nn.Conv2d(following, following, 3, padding=1, bias=False), _normalisation(following, norm)]
            shortcut = None
            if stride > 1 or size != following:
                shortcut = nn.Sequential(nn.Conv2d(size, following, 1, stride, bias=False), _normalisation(following, norm))
            layers += [Residual(body, shortcut), nn.ReLU()]
            size = following
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(size, classes))


NETWORKS: Final[Mapping[str, Builder]] = {"mlp": _mlp, "cnn": _cnn, "resnet9": _resnet9, "resnet18": _resnet18}


class Residual(nn.Module):
    """Adds the layers' output to their input, or to the shortcut's output if the shape changes."""

    def __init__(self, layers: Sequence[nn.Module], shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.shortcut = shortcut if shortcut is not None else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        summed: Tensor = self.layers(x) + self.shortcut(x)
        return summed


def _convolution(size: int, following: int, norm: str, *, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(size, following, 3, stride, padding=1, bias=False), _normalisation(following, norm), nn.ReLU()]


def _normalisation(channels: int, norm: str) -> nn.Module:
    return nn.BatchNorm2d(channels) if norm == "batch" else nn.GroupNorm(math.gcd(GROUPS, channels), channels)


def _channels(shape: Sequence[int]) -> int:
    if len(shape) != IMAGE_DIMENSIONS:
        message = f"This network reads images of channels x height x width, and the features have the shape {tuple(shape)}."
        raise SpecError(message)
    return shape[0]
