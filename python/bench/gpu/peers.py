# SPDX-License-Identifier: Apache-2.0
"""What the delegate's kernels are measured against: the device's peak, and CLBlast's product."""

from __future__ import annotations

import ctypes
from ctypes import byref, c_float, c_int, c_size_t, c_void_p

import numpy as np

from bench.gpu.opencl import Device

_CLBLAST = ("libclblast.so.1", "libclblast.so")
_ROW_MAJOR, _NOT_TRANSPOSED = 101, 111
_RUNS = 5
_STEPS = 2048  # of the loop of the peak, each of 4 multiply-adds
_GROUP = 64
_GROUPS = 4096
# Independent sums, as many as hide the latency of a multiply-add, and few enough for registers.
_PEAK = """
__kernel void peak(__global float* out) {
  float4 a = (float4)(get_global_id(0)), b = a + 1.0f, c = a + 2.0f, d = a + 3.0f;
  const float4 x = (float4)(0.999f), y = (float4)(0.001f);
  for (int i = 0; i < STEPS; ++i) {
    a = fma(a, x, y); b = fma(b, x, y); c = fma(c, x, y); d = fma(d, x, y);
  }
  const float4 sum = a + b + c + d;
  out[get_global_id(0)] = sum.x + sum.y + sum.z + sum.w;
}
"""


def peak_gmacs(device: Device) -> float:
    """Thousands of millions of float multiply-adds that the device does in a second."""
    items = _GROUP * _GROUPS
    kernel = device.kernel(_PEAK, "peak", f"-DSTEPS={_STEPS}")
    device.set_buffer(kernel, 0, device.buffer(np.zeros(items, np.float32)))
    least = min(device.run(kernel, items, _GROUP) for _ in range(_RUNS))
    return items * _STEPS * 16 / least


class ClBlast:
    """CLBlast's single-precision matrix product, with the parameters that it ships with.

    Raises:
        FileNotFoundError: if there is no CLBlast.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        for name in _CLBLAST:
            try:
                self._library = ctypes.CDLL(name)
                return
            except OSError:
                continue
        raise FileNotFoundError(
            f"CLBlast is missing: none of {', '.join(_CLBLAST)} can be loaded; on Debian it is in "
            "libclblast1."
        )

    def product_us(self, rows: int, lanes: int, columns: int) -> float:
        """Microseconds of [rows, lanes] x [lanes, columns], the least of some runs.

        Raises:
            RuntimeError: if CLBlast fails, or its result is wrong.
        """
        rng = np.random.default_rng(0)
        left = rng.standard_normal((rows, lanes), dtype=np.float32)
        right = rng.standard_normal((lanes, columns), dtype=np.float32)
        result = np.zeros((rows, columns), np.float32)
        memory = [self._device.buffer(each) for each in (left, right, result)]
        times = [self._run(memory, rows, lanes, columns) for _ in range(1 + _RUNS)]
        self._device.read(memory[2], result)
        if not np.allclose(result[:2], left[:2] @ right, rtol=1e-3, atol=1e-3 * np.sqrt(lanes)):
            raise RuntimeError(f"CLBlast's product of {rows}x{lanes}x{columns} is wrong.")
        return min(times[1:])

    def _run(self, memory: list[c_void_p], rows: int, lanes: int, columns: int) -> float:
        event = c_void_p()
        queue = c_void_p(self._device.queue)
        status = self._library.CLBlastSgemm(
            c_int(_ROW_MAJOR),
            c_int(_NOT_TRANSPOSED),
            c_int(_NOT_TRANSPOSED),
            *map(c_size_t, (rows, columns, lanes)),
            c_float(1.0),
            *(memory[0], c_size_t(0), c_size_t(lanes)),
            *(memory[1], c_size_t(0), c_size_t(columns)),
            c_float(0.0),
            *(memory[2], c_size_t(0), c_size_t(columns)),
            byref(queue),
            byref(event),
        )
        if status:
            raise RuntimeError(f"CLBlastSgemm failed with the error {status}.")
        return self._device.nanoseconds(event) / 1e3
