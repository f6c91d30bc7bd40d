# SPDX-License-Identifier: Apache-2.0
"""OpenCL by ctypes, as far as peers of the delegate need it: one device, one queue that profiles.

Not the delegate's own way to the device: this is what it is measured against.
"""

from __future__ import annotations

import ctypes
from ctypes import byref, c_char_p, c_int, c_size_t, c_uint64, c_void_p
from typing import Any

import numpy as np
import numpy.typing as npt

_LIBRARIES = ("libOpenCL.so.1", "libOpenCL.so")
_ALL_DEVICES = 0xFFFFFFFF
_DEVICE_NAME = 0x102B
_PROFILING = 2
_READ_WRITE = 1
_PROFILING_START, _PROFILING_END = 0x1282, 0x1283


class Device:
    """The device whose name contains a text, or the first one.

    Raises:
        RuntimeError: if there is no OpenCL, no such device, or a call fails.
    """

    def __init__(self, wanted: str = "") -> None:
        self._api = _load()
        self.id, self.name = self._find(wanted)
        error = c_int()
        self.context = self._api.clCreateContext(
            None, 1, byref(c_void_p(self.id)), None, None, byref(error)
        )
        _check("clCreateContext", error.value)
        self.queue = self._api.clCreateCommandQueue(
            c_void_p(self.context), c_void_p(self.id), c_uint64(_PROFILING), byref(error)
        )
        _check("clCreateCommandQueue", error.value)

    def buffer(self, content: npt.NDArray[np.float32]) -> c_void_p:
        """A buffer with this content; it lives as long as the process."""
        error = c_int()
        handle = self._api.clCreateBuffer(
            c_void_p(self.context),
            c_uint64(_READ_WRITE),
            c_size_t(content.nbytes),
            None,
            byref(error),
        )
        _check("clCreateBuffer", error.value)
        memory = c_void_p(handle)
        data, size = content.ctypes.data_as(c_void_p), c_size_t(content.nbytes)
        write = self._api.clEnqueueWriteBuffer
        status = write(c_void_p(self.queue), memory, 1, c_size_t(0), size, data, 0, None, None)
        _check("clEnqueueWriteBuffer", status)
        return memory

    def read(self, memory: c_void_p, into: npt.NDArray[np.float32]) -> None:
        """Wait for the device, and read a buffer."""
        data, size = into.ctypes.data_as(c_void_p), c_size_t(into.nbytes)
        read = self._api.clEnqueueReadBuffer
        status = read(c_void_p(self.queue), memory, 1, c_size_t(0), size, data, 0, None, None)
        _check("clEnqueueReadBuffer", status)

    def kernel(self, source: str, name: str, options: str = "") -> c_void_p:
        """A kernel of a program; it lives as long as the process."""
        error = c_int()
        text = c_char_p(source.encode())
        program = self._api.clCreateProgramWithSource(
            c_void_p(self.context), 1, byref(text), None, byref(error)
        )
        _check("clCreateProgramWithSource", error.value)
        device = byref(c_void_p(self.id))
        build = self._api.clBuildProgram
        status = build(c_void_p(program), 1, device, options.encode(), None, None)
        _check("clBuildProgram", status)
        handle = self._api.clCreateKernel(c_void_p(program), name.encode(), byref(error))
        _check("clCreateKernel", error.value)
        return c_void_p(handle)

    def set_buffer(self, kernel: c_void_p, index: int, memory: c_void_p) -> None:
        """Set an argument of a kernel."""
        status = self._api.clSetKernelArg(kernel, index, ctypes.sizeof(memory), byref(memory))
        _check("clSetKernelArg", status)

    def run(self, kernel: c_void_p, items: int, group: int) -> float:
        """Run a kernel of one dimension; the nanoseconds that it took."""
        event = c_void_p()
        run = self._api.clEnqueueNDRangeKernel
        sizes = byref(c_size_t(items)), byref(c_size_t(group))
        status = run(c_void_p(self.queue), kernel, 1, None, *sizes, 0, None, byref(event))
        _check("clEnqueueNDRangeKernel", status)
        return self.nanoseconds(event)

    def nanoseconds(self, event: c_void_p) -> float:
        """What the command of an event took, once it has ended."""
        _check("clWaitForEvents", self._api.clWaitForEvents(1, byref(event)))
        times = []
        for what in (_PROFILING_START, _PROFILING_END):
            time = c_uint64()
            status = self._api.clGetEventProfilingInfo(event, what, 8, byref(time), None)
            _check("clGetEventProfilingInfo", status)
            times.append(time.value)
        self._api.clReleaseEvent(event)
        return float(times[1] - times[0])

    def _find(self, wanted: str) -> tuple[int, str]:
        names = []
        for device in self._devices():
            name = ctypes.create_string_buffer(256)
            self._api.clGetDeviceInfo(c_void_p(device), _DEVICE_NAME, 256, name, None)
            names.append(name.value.decode(errors="replace"))
            if wanted.lower() in names[-1].lower():
                return device, names[-1]
        raise RuntimeError(f"no OpenCL device is called '{wanted}'; there are: {names}.")

    def _devices(self) -> list[int]:
        count = ctypes.c_uint()
        self._api.clGetPlatformIDs(0, None, byref(count))
        platforms = (c_void_p * max(1, count.value))()
        self._api.clGetPlatformIDs(count.value, platforms, None)
        found: list[int] = []
        for platform in platforms[: count.value]:
            if self._api.clGetDeviceIDs(
                c_void_p(platform), c_uint64(_ALL_DEVICES), 0, None, byref(count)
            ):
                continue
            devices = (c_void_p * count.value)()
            self._api.clGetDeviceIDs(
                c_void_p(platform), c_uint64(_ALL_DEVICES), count.value, devices, None
            )
            found += [int(device) for device in devices if device]
        return found


def _load() -> Any:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        for makes in (
            "clCreateContext",
            "clCreateCommandQueue",
            "clCreateBuffer",
            "clCreateProgramWithSource",
            "clCreateKernel",
        ):
            getattr(library, makes).restype = c_void_p
        return library
    raise RuntimeError(f"there is no OpenCL: none of {', '.join(_LIBRARIES)} can be loaded.")


def _check(call: str, status: int) -> None:
    if status:
        raise RuntimeError(f"{call} failed with OpenCL's error {status}.")
