// SPDX-License-Identifier: Apache-2.0
// How the tensors of a graph lie on a device: channel-major planes (kernels/calls.h), with zeros around
// each as far as windows read.
//
// All tensors of one height and width have the same form, so that they may share memory: the zeros
// around pixels are in the same places, and nobody writes there.
#ifndef UBP_DELEGATE_OPENCL_PLAN_TENSORS_H_
#define UBP_DELEGATE_OPENCL_PLAN_TENSORS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "delegate/backend/memory_plan.h"
#include "delegate/base/status.h"
#include "delegate/graph/shaped_graph.h"
#include "delegate/opencl/kernels/calls.h"

namespace ubp::opencl {

// What a tensor is on the device: [rows, channels] is a batch of rows with one pixel each, [a, b, c] an
// image of a x b pixels. Of more dimensions than four the first ones are the batch.
struct ImageSize {
  int64_t batch = 1;
  int height = 1;
  int width = 1;
  int channels = 1;

  int64_t elements() const { return batch * height * width * channels; }
  bool operator==(const ImageSize& other) const {
    return batch == other.batch && height == other.height && width == other.width &&
           channels == other.channels;
  }
};
ImageSize SizeOf(const Dims& dims);

// Of all tensors of one height and width; numbers of elements.
struct PlaneForm {
  int height = 1;
  int width = 1;
  int64_t halo_rows = 0;     // zeros above and below
  int64_t halo_columns = 0;  // left and right: those behind a row are also those before the next

  int64_t row() const { return width + halo_columns; }
  int64_t lead() const { return halo_rows * row() + halo_columns; }
  // From one plane to the next, whose lead is also what follows the last row.
  int64_t plane() const { return lead() + (height - 1) * row() + width; }
  int64_t elements(int64_t planes) const { return planes * plane() + lead(); }
  MemoryForm key() const { return {1, height, width, halo_rows, halo_columns, 0}; }
};

struct TensorOnDevice {
  ImageSize size;
  int rank = 0;  // dimensions of the tensor in the graph
  PlaneForm form;
  // The tensor is channels [first_channel, first_channel + channels) of this one; or -1.
  int container = -1;
  int first_channel = 0;
};

// Of all tensors of a graph that ops read or write; concatenations along channels lie where their inputs
// are written. Fails where a tensor, with what windows read around it, has 2^31 elements or more.
Status PlaceTensors(const ShapedGraph& graph, std::vector<TensorOnDevice>* tensors);

// The planes of a tensor; `arena[t]`: the first element of tensor t, which is no part of another.
Planes PlanesOf(const std::vector<TensorOnDevice>& tensors, int tensor,
                const std::vector<size_t>& arena);

// The tensor that a tensor is part of, or itself.
int OutermostOf(const std::vector<TensorOnDevice>& tensors, int tensor);

}  // namespace ubp::opencl

#endif  // UBP_DELEGATE_OPENCL_PLAN_TENSORS_H_
