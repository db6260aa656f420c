"""The networks that train.py trains.

Blocks: He et al. 2015 (arXiv:1512.03385), average-pool shortcuts after He et al. 2018 (arXiv:1812.01187); the depthwise
candidate's: MobileNetV2 (arXiv:1801.04381).
"""

from torch import nn
from torch.nn import functional as F


class Residual(nn.Module):
    """Two 3x3 convolutions; a pooled and projected shortcut where the shape changes."""

    def __init__(self, inside, out, stride):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(inside, out, 3, stride, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True),
            nn.Conv2d(out, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out),
        )
        shortcut = [nn.AvgPool2d(2)] if stride == 2 else []
        if inside != out:
            shortcut += [nn.Conv2d(inside, out, 1, bias=False), nn.BatchNorm2d(out)]
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x):
        return F.relu(self.shortcut(x) + self.layers(x))


class Inverted(nn.Module):
    def __init__(self, inside, out, stride, expansion=3):
        super().__init__()
        middle = inside * expansion
        self.residual = stride == 1 and inside == out
        self.layers = nn.Sequential(
            nn.Conv2d(inside, middle, 1, bias=False), nn.BatchNorm2d(middle), nn.ReLU(inplace=True),
            nn.Conv2d(middle, middle, 3, stride, 1, groups=middle, bias=False), nn.BatchNorm2d(middle), nn.ReLU(inplace=True),
            nn.Conv2d(middle, out, 1, bias=False), nn.BatchNorm2d(out),
        )

    def forward(self, x):
        return x + self.layers(x) if self.residual else self.layers(x)


class Student(nn.Module):
    """[N,3,H,W] standardised RGB to the last map [N,512,h,w], whose mean are the features."""

    def __init__(self, candidate="residual", features=512):
        super().__init__()
        block, stem, widths, depths, first = {
            "residual": (Residual, 32, (32, 64, 128, 256), (1, 2, 3, 2), 1),
            "depthwise": (Inverted, 24, (32, 64, 128, 256), (2, 3, 5, 2), 2),
        }[candidate]
        layers = [nn.Conv2d(3, stem, 3, 2, 1, bias=False), nn.BatchNorm2d(stem), nn.ReLU(inplace=True)]
        inside = stem
        strides = [(width, 1 if i else first if stage == 0 else 2) for stage, (width, depth) in enumerate(zip(widths, depths)) for i in range(depth)]
        for width, stride in strides:
            layers.append(block(inside, width, stride))
            inside = width
        layers += [nn.Conv2d(inside, features, 1, bias=False), nn.BatchNorm2d(features), nn.ReLU(inplace=True)]
        self.trunk = nn.Sequential(*layers)

    def forward(self, x):
        return self.trunk(x)


class Distilled(nn.Module):
    def __init__(self, classes, candidate="residual", teacher_features=1280):
        super().__init__()
        self.student = Student(candidate)
        self.project = nn.Linear(512, teacher_features)
        self.classify = nn.Linear(512, classes)

    def forward(self, x):
        features = self.student(x).mean((2, 3))
        return self.project(features), self.classify(features)
