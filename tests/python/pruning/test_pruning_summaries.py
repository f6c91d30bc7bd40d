# SPDX-License-Identifier: Apache-2.0
"""PruningSummaries: the events in its files, read back as TensorBoard reads them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import keras
import pytest
import tensorflow as tf
from pruning_models import compiled, data, sequential_model

import ubp
from ubp.pruning.layers.pruned_layer import pruned_layers
from ubp.reporting.conversion import report_data, to_html

GRADUAL = ubp.PolynomialDecay(0.25, 0.75, begin_step=2, end_step=6, power=1, frequency=2)
FIGURES = ("sparsity", "threshold", "moved", "kept_importance")
KERNELS = ("conv_1x1", "hidden")


def events(folder: Path) -> dict[str, dict[int, float]]:
    """The scalars by step by tag of all event files in a folder; no step is written twice."""
    values: dict[str, dict[int, float]] = defaultdict(dict)
    for file in sorted(folder.glob("events.out.tfevents.*")):
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name != "scalars":
                    continue  # Keras's callback writes the graph, too
                assert event.step not in values[value.tag], (value.tag, event.step)
                values[value.tag][event.step] = float(tf.make_ndarray(value.tensor))
    return dict(values)


def fit(model: keras.Model, callbacks: list[keras.callbacks.Callback], epochs: int = 2) -> None:
    x, y = data()
    model.fit(x, y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, callbacks=callbacks)


def pruned_model(schedule: object = GRADUAL, **options: object) -> keras.Model:
    return compiled(ubp.prune(sequential_model(), schedule, **options), jit_compile=False)


class Recorder(keras.callbacks.Callback):
    """What UpdatePruning says of each update, by step and kernel."""

    def __init__(self, update: ubp.UpdatePruning) -> None:
        super().__init__()
        self.seen: dict[tuple[int, str], object] = {}
        self._update = update

    def on_train_batch_end(self, batch: int, logs: object = None) -> None:
        self.seen |= {(each.step, each.name): each for each in self._update.updates}


@pytest.mark.parametrize("summaries_first", [False, True])
def test_every_update_of_every_kernel_is_written(tmp_path, summaries_first):
    pruned, update = pruned_model(), ubp.UpdatePruning()
    recorder, summaries = Recorder(update), ubp.PruningSummaries(tmp_path)
    fit(pruned, [summaries, update, recorder] if summaries_first else [update, recorder, summaries])
    found = events(tmp_path / "pruning")
    assert set(found) == {
        "sparsity", *(f"{figure}/{kernel}" for figure in FIGURES for kernel in KERNELS)
    }  # fmt: skip
    assert {step for step, _ in recorder.seen} == {2, 4, 6}
    for figure in FIGURES:
        for kernel in KERNELS:
            expected = {
                step: getattr(each, figure)
                for (step, name), each in recorder.seen.items()
                if name == kernel
            }
            assert found[f"{figure}/{kernel}"] == pytest.approx(expected, rel=1e-6)
    sizes = {layer.name: layer.kernels[0].size for layer in pruned_layers(pruned)}
    for step, whole in found["sparsity"].items():
        zeros = sum(size * found[f"sparsity/{name}"][step] for name, size in sizes.items())
        assert whole == pytest.approx(zeros / sum(sizes.values()), rel=1e-6)
    assert found["sparsity"][6] == pytest.approx(0.75, abs=0.01)
    assert all(0 < value <= 1 for value in found["kept_importance/hidden"].values())
    assert found["threshold/hidden"][6] > found["threshold/hidden"][2] > 0


@pytest.mark.parametrize("summaries_first", [False, True])
def test_masks_of_step_zero(tmp_path, summaries_first):
    callbacks = [ubp.UpdatePruning(), ubp.PruningSummaries(tmp_path)]
    fit(pruned_model(ubp.ConstantSparsity(0.5, frequency=3)), callbacks[:: 1 - 2 * summaries_first])
    assert list(events(tmp_path / "pruning")["sparsity/hidden"]) == [0, 3, 6]


def test_moved_weights_are_counted(tmp_path):
    pruned = pruned_model(ubp.ConstantSparsity(0.5, frequency=1), gradients="straight_through")
    pruned.optimizer.learning_rate = 0.5
    fit(pruned, [ubp.UpdatePruning(), ubp.PruningSummaries(tmp_path)], epochs=1)
    moved = events(tmp_path / "pruning")["moved/hidden"]
    assert moved[0] == 0 and max(moved.values()) > 0


@pytest.mark.parametrize("same_callback", [False, True])
def test_second_fit_writes_only_its_own_updates(tmp_path, same_callback):
    pruned, summaries = pruned_model(), ubp.PruningSummaries(tmp_path)
    fit(pruned, [ubp.UpdatePruning(), summaries], epochs=1)  # 4 steps
    again = summaries if same_callback else ubp.PruningSummaries(tmp_path)
    fit(pruned, [ubp.UpdatePruning(), again], epochs=1)
    assert sorted(events(tmp_path / "pruning")["sparsity"]) == [2, 4, 6]


def test_steps_per_execution(tmp_path):
    pruned = compiled(
        ubp.prune(sequential_model(), GRADUAL), jit_compile=False, steps_per_execution=3
    )
    fit(pruned, [ubp.PruningSummaries(tmp_path), ubp.UpdatePruning()])
    written = list(events(tmp_path / "pruning")["sparsity"])
    assert written[-1] >= 6 and written == sorted(written)


def test_admm_writes_how_far_kernels_are_from_blocks(tmp_path):
    schedule = ubp.ADMM(0.5, begin_step=0, end_step=6, frequency=2)
    fit(pruned_model(schedule), [ubp.UpdatePruning(), ubp.PruningSummaries(tmp_path)])
    residuals = events(tmp_path / "pruning")["residual/hidden"]
    assert list(residuals) == [0, 2, 4] and min(residuals.values()) > 0


def test_beside_the_tensorboard_callback_of_keras(tmp_path):
    board = keras.callbacks.TensorBoard(tmp_path, update_freq=1)
    fit(pruned_model(), [board, ubp.UpdatePruning(), ubp.PruningSummaries(tmp_path)])
    assert list(events(tmp_path / "pruning")["sparsity/hidden"]) == [2, 4, 6]
    assert "epoch_loss" in events(tmp_path / "train")


def test_without_update_pruning(tmp_path):
    pruned = pruned_model()
    expected = "PruningSummaries: no masks are updated without the callback UpdatePruning; pass"
    with pytest.raises(RuntimeError, match=expected):
        fit(pruned, [ubp.PruningSummaries(tmp_path)])
    fit(pruned, [ubp.UpdatePruning()], epochs=1)  # the training step is traced now
    with pytest.raises(RuntimeError, match=expected):
        fit(pruned, [ubp.PruningSummaries(tmp_path)])


def test_of_an_ordinary_model(tmp_path):
    with pytest.raises(ValueError, match=r"PruningSummaries: model 'plain' has no pruned layer"):
        fit(compiled(sequential_model()), [ubp.PruningSummaries(tmp_path)])


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("precious")
    with pytest.raises(OSError, match=r"PruningSummaries: .*file/pruning cannot be made"):
        fit(pruned_model(), [ubp.UpdatePruning(), ubp.PruningSummaries(tmp_path / "file")])
    assert (tmp_path / "file").read_text() == "precious"


def test_the_same_figures_under_the_same_name_everywhere(tmp_path):
    """In TensorBoard, in the History, in the summary, and in the reports on the conversion."""
    pruned = pruned_model()
    x, y = data()
    callbacks = [ubp.UpdatePruning(), ubp.PruningSummaries(tmp_path)]
    history = pruned.fit(x, y, batch_size=8, epochs=2, verbose=0, callbacks=callbacks).history
    board = {
        tag: list(by_step.values())[-1] for tag, by_step in events(tmp_path / "pruning").items()
    }
    assert board["sparsity"] == pytest.approx(history["sparsity"][-1], rel=1e-6)
    result = ubp.convert(ubp.strip(pruned), min_speedup=0)
    found = report_data(result, "model")
    assert found["totals"]["sparsity"] == pytest.approx(history["sparsity"][-1], rel=1e-6)
    assert found["totals"]["model_sparsity"] == pytest.approx(result.sparsity)
    page, lines = to_html(result, "model"), []
    ubp.pruning_summary(pruned, print_fn=lines.append)
    for name in KERNELS:
        (layer,) = [each for each in found["layers"] if name in each["name"]]
        assert board[f"sparsity/{name}"] == pytest.approx(layer["sparsity"], rel=1e-6)
        assert f">{layer['sparsity']:.1%}</span>" in page
        assert f" {layer['sparsity']:.1%} " in "".join(lines)
    assert f"<b>{history['sparsity'][-1]:.1%}</b><span>sparsity" in page
