# SPDX-License-Identifier: Apache-2.0
"""From a PyTorch model to a pruned .tflite file: `python prune_in_pytorch.py [model.tflite]`.

Needs torch, and litert-torch to write the file.
"""

import sys

import torch
from torch import nn

import ubp
import ubp.torch

torch.manual_seed(0)
convolutions = [nn.Conv2d(3, 64, 3), *(nn.Conv2d(64, 64, 3, padding=1) for _ in range(2))]
body = [part for convolution in convolutions for part in (convolution, nn.ReLU())]
model = nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 2))
optimizer = torch.optim.Adam(model.parameters())

schedule = ubp.PolynomialDecay(0.0, 0.9, begin_step=0, end_step=40, frequency=4)
pruning = ubp.torch.prune(model, schedule, ubp.UnalignedBlock(4))
for _ in range(50):
    images = torch.randn(32, 3, 16, 16)
    loss = nn.functional.cross_entropy(model(images), (images.mean((1, 2, 3)) > 0).long())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    pruning.step()
print(f"loss {loss.item():.3f}, {pruning.sparsity:.3f} pruned")
ubp.torch.strip(model)

if len(sys.argv) > 1:
    import litert_torch

    litert_torch.convert(model.eval(), (torch.randn(1, 3, 56, 56),)).export(sys.argv[1])
    result = ubp.convert(sys.argv[1])
    result.save(sys.argv[1].replace(".tflite", ".ubp.tflite"))
    print("verified:", ubp.verify(sys.argv[1], result.model).passed)
