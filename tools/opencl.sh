# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# Sourced by `run`: what tests of the GPU backend run on where there is no GPU. PoCL is OpenCL on the CPU; Oclgrind runs kernels one
# work-item after the other, and finds invalid accesses and races.

readonly opencl_vendors=${OCL_ICD_VENDORS:-/etc/OpenCL/vendors}

missing_opencl_packages() {
  [[ -e $opencl_vendors/pocl.icd ]] || echo pocl-opencl-icd
  [[ -n $(PATH=$PATH:/usr/sbin:/sbin ldconfig -p | grep -F libOpenCL.so.1) ]] || echo ocl-icd-libopencl1
  type -P oclgrind >/dev/null || echo oclgrind
  # The compilers of real GPUs, without GPUs: tools/kernel_registers.py.
  type -P clang-15 >/dev/null || echo clang-15
  [[ -e /usr/lib/clc/amdgcn--amdhsa.bc ]] || echo libclc-15
}

missing_opencl_downloads() {
  :
}

fetch_opencl() {
  :
}
