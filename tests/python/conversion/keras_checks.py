# SPDX-License-Identifier: Apache-2.0
"""What the tests of Keras models share: whether a .tflite file computes what its model does."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def same_outputs(dense: bytes, model: Any) -> bool:
    """Compares on one random batch; for models with one input and one output."""
    interpreter = Interpreter(model_content=dense)
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    x = np.random.default_rng(1).normal(size=detail["shape"]).astype(np.float32)
    interpreter.set_tensor(detail["index"], x)
    interpreter.invoke()
    found = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return np.allclose(found, model.predict(x, verbose=0), atol=1e-4)
