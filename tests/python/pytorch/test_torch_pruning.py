# SPDX-License-Identifier: Apache-2.0
"""`ubp.torch`: which weights are pruned into which masks, and what training makes of them."""

from __future__ import annotations

import copy
import doctest
import io
import subprocess
import sys

import numpy as np
import pytest

import ubp
from ubp.masking.patterns import fault_of_blocks

torch = pytest.importorskip("torch", reason="'./run test --torch' runs this")
from torch import nn  # noqa: E402

N = ubp.UnalignedBlock(4)
CONSTANT = ubp.ConstantSparsity(0.75)


def network(seed: int = 0) -> nn.Sequential:
    """Of every kind of module that can be pruned, and some that cannot."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.Conv2d(16, 16, 3, padding=1, groups=4),
        nn.ConvTranspose2d(16, 12, 2, stride=2),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(48, 20),
        nn.Linear(20, 5),
    )


def lanes_by_hand(module: nn.Module, tensor: torch.Tensor) -> np.ndarray:
    """[lanes, channels] of a tensor of the shape of a module's weight, as lanes.py defines them."""
    if isinstance(module, nn.ConvTranspose2d):
        tensor = tensor.permute(2, 3, 0, 1)
    elif isinstance(module, nn.Conv2d):
        tensor = tensor.permute(2, 3, 1, 0)
    else:
        tensor = tensor.T
    return tensor.reshape(-1, tensor.shape[-1]).detach().numpy()


def batch(step: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    images = torch.randn(4, 3, 6, 6, generator=generator)
    return images, torch.randint(5, (4,), generator=generator)


def train(model: nn.Module, pruning: ubp.torch.Pruning, optimizer, steps: range) -> list[float]:
    sparsities = []
    for step in steps:
        images, targets = batch(step)
        loss = nn.functional.cross_entropy(model(images), targets) + pruning.penalty()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        pruning.step()
        sparsities.append(pruning.sparsity)
    return sparsities


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)


@pytest.mark.parametrize("lanes", [1, 4])
def test_masks_are_the_best_blocks_of_the_output_channels(lanes: int) -> None:
    model, dense = network(), network()
    pattern = ubp.UnalignedBlock(4, lanes=lanes)
    ubp.torch.prune(model, CONSTANT, pattern)
    pruned = {}
    for index, (module, before) in enumerate(zip(model, dense, strict=True)):
        if not hasattr(before, "weight"):
            continue
        zeros = lanes_by_hand(module, module.weight == 0) if module.weight.dim() > 1 else False
        if np.any(zeros):
            weights = lanes_by_hand(before, before.weight)
            expected = pattern.mask(np.abs(weights), 0.75, "optimal")
            np.testing.assert_array_equal(~zeros, expected)
            assert fault_of_blocks(expected, (4, lanes), aligned=False) is None
            pruned[index] = module
    assert set(pruned) == {3, 5, 8}  # not the first, the grouped one, or the last


def test_convolutions_compute_with_the_masked_weights() -> None:
    model = network().eval()
    ubp.torch.prune(model, CONSTANT)
    plain = network().eval()
    with torch.no_grad():
        for module, masked in zip(plain, model, strict=True):
            if hasattr(module, "weight"):
                module.weight.copy_(masked.weight)
    images, _ = batch(0)
    assert torch.equal(model(images), plain(images))
    assert not torch.equal(model(images), network().eval()(images))


def test_the_schedule_says_when_and_how_much() -> None:
    model = network()
    schedule = ubp.PolynomialDecay(0.25, 0.75, begin_step=2, end_step=6, frequency=2)
    pruning = ubp.torch.prune(model, schedule, ubp.Unstructured())
    assert pruning.sparsity == 0.0 and pruning.updates == []
    sparsities = train(model, pruning, sgd(model), range(8))
    expected = [0.0, *(schedule(step)[1] for step in (2, 2, 4, 4, 6, 6, 6))]
    assert sparsities == pytest.approx(expected, abs=2e-3)
    assert [(each.name, each.step) for each in pruning.updates] == [("3", 6), ("5", 6), ("8", 6)]


@pytest.mark.parametrize(
    "options",
    [
        {"schedule": ubp.PolynomialDecay(0.0, 0.75, 0, 6, frequency=2)},
        {
            "schedule": ubp.ConstantSparsity(0.5, begin_step=2, frequency=3),
            "gradients": "straight_through",
            "importance": "gradient",
            "scope": "global",
        },
        {"schedule": ubp.ADMM(0.75, begin_step=0, end_step=6, frequency=2)},
        {"schedule": ubp.ReweightedRegularization(0.75, 1, 6, frequency=2)},
    ],
)
def test_a_resumed_training_is_that_which_was_not_interrupted(options) -> None:
    whole = network()
    optimizer = sgd(whole)  # made before: it has the parameters of the pruned module all the same
    train(whole, ubp.torch.prune(whole, pattern=N, **options), optimizer, range(8))

    first = network()
    optimizer = sgd(first)
    train(first, ubp.torch.prune(first, pattern=N, **options), optimizer, range(5))
    file = io.BytesIO()
    torch.save({"model": first.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)

    second = network(seed=1)
    optimizer = sgd(second)
    pruning = ubp.torch.prune(second, pattern=N, **options)
    second.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    train(second, pruning, optimizer, range(5, 8))

    expected, found = whole.state_dict(), second.state_dict()
    assert list(expected) == list(found)
    assert all(torch.equal(expected[name], found[name]) for name in expected)
    assert 0.4 < pruning.sparsity < 0.8
    assert torch.isfinite(second[9].weight).all()


@pytest.mark.parametrize("gradients", ["masked", "straight_through"])
def test_gradients_of_pruned_weights(gradients: str) -> None:
    linear = nn.Linear(16, 8)
    ubp.torch.prune(linear, CONSTANT, gradients=gradients)
    linear(torch.ones(2, 16)).sum().backward()
    gradient = linear.parametrizations.weight.original.grad
    pruned = linear.weight == 0
    assert torch.all(gradient[~pruned] == 2.0)
    assert torch.all(gradient[pruned] == (0.0 if gradients == "masked" else 2.0))


def test_importance_by_gradients_is_summed_over_steps() -> None:
    torch.manual_seed(0)
    linear = nn.Linear(8, 8)
    values = linear.weight.detach().clone()
    schedule = ubp.ConstantSparsity(0.5, begin_step=2)
    pruning = ubp.torch.prune(linear, schedule, ubp.Unstructured(), importance="gradient")
    total = torch.zeros(8, 8)
    for step in range(2):
        inputs = torch.randn(4, 8)
        linear(inputs).square().sum().backward()
        gradient = 2 * (inputs @ values.T + linear.bias.detach()).T @ inputs
        total += (gradient * values).abs()
        assert (step == 1) == (pruning.step() or pruning.sparsity > 0)
    expected = torch.zeros(64, dtype=torch.bool)
    expected[total.flatten().topk(32).indices] = True
    assert torch.equal(linear.weight != 0, expected.reshape(8, 8))


def test_strip_leaves_the_parameters_that_were() -> None:
    model = network()
    names, parameters = list(model.state_dict()), list(map(id, model.parameters()))
    pruning = ubp.torch.prune(model, CONSTANT)
    train(model, pruning, sgd(model), range(2))
    model.eval()
    expected = model(batch(0)[0])
    zeros = {name: each == 0 for name, each in ((i, model[i].weight) for i in (3, 5, 8))}
    assert ubp.torch.strip(model) is model
    assert list(model.state_dict()) == names
    assert sorted(map(id, model.parameters())) == sorted(parameters)
    assert torch.equal(model(batch(0)[0]), expected)
    for index, pruned in zeros.items():
        assert torch.equal(model[index].weight == 0, pruned) and pruned.float().mean() == 0.75


def test_a_copy_goes_on_by_itself() -> None:
    model = network()
    schedule = ubp.PolynomialDecay(0.0, 0.5, begin_step=0, end_step=4, frequency=2)
    pruning = ubp.torch.prune(model, schedule)
    train(model, pruning, sgd(model), range(2))
    before = pruning.sparsity
    other = copy.deepcopy(model)
    train(other, ubp.torch.Pruning(other), sgd(other), range(2, 4))
    assert pruning.sparsity == before
    assert ubp.torch.Pruning(other).sparsity == pytest.approx(0.5, abs=1e-2)


def test_a_budget_of_time_counts_positions() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(4, 8, 3), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3, stride=3))
    model.train()
    ubp.torch.prune(
        model,
        ubp.ConstantSparsity(0.5),
        layers=["1", "2"],
        scope="latency",
        example_inputs=torch.zeros(1, 4, 30, 30),
    )
    early, late = (float((model[index].weight == 0).float().mean()) for index in (1, 2))
    assert early > late  # a block of the first is multiplied at 9 times as many pixels
    assert model.training


def test_a_compiled_module_sees_new_masks_and_observes_gradients() -> None:
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    schedule = ubp.PolynomialDecay(0.0, 0.75, begin_step=2, end_step=4, frequency=2)
    pruning = ubp.torch.prune(model, schedule, layers="0", importance="gradient")
    compiled = torch.compile(model, backend="aot_eager")
    optimizer = sgd(model)
    inputs = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    for _ in range(4):
        compiled(inputs).square().sum().backward()
        optimizer.step()
        pruning.step()
        assert torch.equal(compiled(inputs), model(inputs))
    assert pruning.sparsity == 0.75


def test_policies_name_modules() -> None:
    model = network()
    policy = {"8": 0.5, model[3]: {"pattern": ubp.AlignedBlock(8)}, "*": None}
    ubp.torch.prune(model, CONSTANT, layers=policy)
    shares = [float((model[index].weight == 0).float().mean()) for index in (0, 3, 5, 8)]
    assert shares == [0.0, 0.75, 0.0, 0.5]
    other = network()
    ubp.torch.prune(other, CONSTANT, layers=lambda name, module: isinstance(module, nn.Linear))
    assert [hasattr(each, "parametrizations") for each in other] == [False] * 8 + [True] * 2


def test_admm_draws_weights_to_blocks() -> None:
    model = network()
    schedule = ubp.ADMM(0.75, begin_step=0, end_step=8, frequency=2, rho=0.1)
    pruning = ubp.torch.prune(model, schedule, layers="8")
    linear = model[8]
    original = linear.parametrizations.weight.original
    assert torch.equal(linear.weight, original)
    kept = schedule_mask(original)
    expected = schedule.strength_at(0) * original[~kept].square().sum()  # Z is what is kept, U zero
    assert float(pruning.penalty().detach()) == pytest.approx(float(expected.detach()), rel=1e-5)
    train(model, pruning, sgd(model), range(8))
    assert float((linear.weight == 0).float().mean()) == 0.75
    assert float(pruning.penalty().detach()) == 0.0
    original.requires_grad_(False)
    assert float(pruning.penalty().detach()) == 0.0


def schedule_mask(weight: torch.Tensor) -> torch.Tensor:
    matrix = weight.detach().numpy().T
    return torch.from_numpy(N.mask(np.square(matrix), 0.75, "optimal").T.copy())


def test_a_penalty_that_is_left_out_is_told() -> None:
    model = network()
    pruning = ubp.torch.prune(model, ubp.ADMM(0.75, begin_step=0, end_step=8, frequency=2))
    with pytest.raises(RuntimeError, match=r"add pruning\.penalty\(\) to the loss"):
        pruning.step()


def test_a_mask_that_cannot_be_found_leaves_the_module_as_it_was() -> None:
    linear = nn.Linear(16, 8)
    with torch.no_grad():
        linear.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match="layer 'Linear': its mask cannot be updated"):
        ubp.torch.prune(linear, CONSTANT)
    assert list(dict(linear.named_parameters())) == ["weight", "bias"]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_float_types(dtype: torch.dtype) -> None:
    linear = nn.Linear(16, 8, dtype=dtype)
    pruning = ubp.torch.prune(linear, CONSTANT)
    assert linear.weight.dtype == dtype and pruning.sparsity == 0.75


def tied() -> nn.Module:
    model = nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 8))
    model[1].weight = model[0].weight
    return model


@pytest.mark.parametrize(
    ("module", "layers", "message"),
    [
        (network(), "4", "it is a convolution of 4 groups; only ungrouped ones are pruned"),
        (network(), "1", "it is a BatchNorm2d, which has no kernel"),
        (network(), "9x", "has no layer named '9x'"),
        (network(), ["9"], None),
        (nn.Sequential(nn.Embedding(8, 8)), "0", "it is a Embedding; expected Linear, Conv1d"),
        (nn.Sequential(nn.LazyLinear(8)), "0", "it has no weight yet; call the module on data"),
        (nn.Sequential(nn.Linear(8, 2)), "0", "it has 2 output channels, fewer than a block of 4"),
        (nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(8, 8))), "0",
         "its weight has a parametrisation already, _WeightNorm"),
        (tied(), "1", "its weight is that of module '0', too"),
        (nn.Sequential(nn.Linear(8, 8)), None, "has no layer to prune; expected convolutions or"),
        (nn.Conv2d(8, 8, 3, groups=8), None, "it is a convolution of 8 groups"),
        (nn.Linear(8, 8), "Linear", "leave the argument out"),
    ],
)  # fmt: skip
def test_modules_that_cannot_be_pruned(module: nn.Module, layers, message: str | None) -> None:
    if message is None:
        ubp.torch.prune(module, CONSTANT, layers=layers)
        return
    with pytest.raises(ValueError, match=r"^prune: ") as error:
        ubp.torch.prune(module, CONSTANT, layers=layers)
    assert message in str(error.value) and str(error.value).endswith(".")


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"module": "model.pt"}, TypeError, "module is 'model.pt'; expected a torch.nn.Module"),
        ({"schedule": 0.8}, TypeError, "schedule is 0.8; expected a schedule"),
        ({"pattern": 4}, TypeError, "pattern is 4; expected UnalignedBlock"),
        ({"method": "best"}, ValueError, "method is 'best'"),
        ({"layers": 3}, TypeError, "layers is 3; expected names"),
        ({"gradients": "none"}, ValueError, "gradients is 'none'"),
        ({"importance": "l7"}, ValueError, "importance is 'l7'"),
        ({"scope": "model"}, ValueError, "scope is 'model'"),
        ({"scope": "latency"}, TypeError, "example_inputs is None; expected a tensor"),
        ({"scope": "latency", "example_inputs": 3}, TypeError, "example_inputs is 3"),
        ({"pattern": ubp.AlignedBlock(5)}, ValueError, "16 output channels, not a multiple of 5"),
    ],
)
def test_wrong_arguments(change: dict, kind: type[Exception], message: str) -> None:
    arguments = {"module": network(), "schedule": CONSTANT} | change
    with pytest.raises(kind) as error:
        ubp.torch.prune(**arguments)
    assert message in str(error.value) and str(error.value).endswith(".")


@pytest.mark.parametrize("call", [ubp.torch.strip, ubp.torch.Pruning])
def test_what_is_not_pruned_is_refused(call) -> None:
    with pytest.raises(ValueError, match="has no pruned weight"):
        call(network())
    with pytest.raises(TypeError, match=r"module is 7; expected a torch\.nn\.Module"):
        call(7)


def test_pruned_already() -> None:
    model = network()
    ubp.torch.prune(model, CONSTANT)
    with pytest.raises(ValueError, match="already pruned"):
        ubp.torch.prune(model, CONSTANT)


def test_strip_leaves_parametrisations_of_others() -> None:
    linear = nn.Linear(16, 8)
    ubp.torch.prune(linear, CONSTANT)
    nn.utils.parametrize.register_parametrization(linear, "weight", nn.Identity())
    with pytest.raises(ValueError, match="a parametrisation beside its mask, Identity"):
        ubp.torch.strip(linear)


def test_no_other_framework_is_imported() -> None:
    others = "{'keras', 'tensorflow', 'jax'}"
    program = f"import sys, ubp.torch; assert not {others} & set(sys.modules); print('none')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "none\n"), done.stderr


@pytest.mark.parametrize("name", ubp.torch.__all__)
def test_examples_run(name: str) -> None:
    text = getattr(ubp.torch, name).__doc__ or ""
    example = doctest.DocTestParser().get_doctest(text, {}, f"ubp.torch.{name}", None, 0)
    assert example.examples
    report: list[str] = []
    doctest.DocTestRunner(verbose=False).run(example, out=report.append)
    assert report == []
