// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/model/sparse_encoding.h"

#include <cstddef>
#include <string>

namespace ubp {
namespace {

constexpr int64_t kMaxElements = int64_t{1} << 29;  // of a float32 tensor that a file could hold

Status Contradiction(const std::string& found) {
  return Status::Error("its sparse encoding contradicts itself: " + found + ".");
}

int64_t SizeOf(const TfLiteIntArray* array) { return array == nullptr ? 0 : array->size; }

// A dimension of the tree: its indices, and the distance of neighbours in the dense tensor.
struct Dimension {
  int64_t size = 0;
  int64_t stride = 0;
};

class Tree {
 public:
  Tree(const TfLiteSparsity& sparsity, const Dims& dims, int64_t values)
      : sparsity_(sparsity), dims_(dims), values_(values) {}

  Status Decode(std::vector<int64_t>* places, int64_t* elements) {
    UBP_RETURN_IF_ERROR(CountElements(elements));
    UBP_RETURN_IF_ERROR(CheckLevels());
    UBP_RETURN_IF_ERROR(MakeDimensions());
    places->assign(1, 0);  // of each node of a level
    for (int level = 0; level < levels(); ++level) {
      const Dimension& dimension = dimensions_[sparsity_.traversal_order->data[level]];
      UBP_RETURN_IF_ERROR(Descend(level, dimension, places));
    }
    if (static_cast<int64_t>(places->size()) == values_) return Status::Ok();
    return Contradiction("it has " + std::to_string(places->size()) + " places for " +
                         std::to_string(values_) + " values");
  }

 private:
  int rank() const { return static_cast<int>(dims_.size()); }
  int levels() const { return sparsity_.dim_metadata_size; }
  int blocked() const { return static_cast<int>(SizeOf(sparsity_.block_map)); }

  Status CountElements(int64_t* elements) const {
    *elements = 1;
    for (const int dim : dims_) {
      if (dim < 1 || *elements > kMaxElements / dim) {
        return Contradiction("the tensor has an empty dimension, or more than 2^29 elements");
      }
      *elements *= dim;
    }
    return Status::Ok();
  }

  // The order is a permutation of all dimensions, and every level is described.
  Status CheckLevels() const {
    const int64_t dimensions = int64_t{rank()} + SizeOf(sparsity_.block_map);
    if (sparsity_.dim_metadata == nullptr || levels() != dimensions ||
        SizeOf(sparsity_.traversal_order) != dimensions) {
      return Contradiction("it has " + std::to_string(levels()) + " levels, expected " +
                           std::to_string(dimensions));
    }
    std::vector<bool> seen(levels(), false);
    for (int level = 0; level < levels(); ++level) {
      const int dimension = sparsity_.traversal_order->data[level];
      if (dimension < 0 || dimension >= levels() || seen[dimension]) {
        return Contradiction("its order of traversal is no permutation");
      }
      seen[dimension] = true;
    }
    return Status::Ok();
  }

  Status MakeDimensions() {
    int64_t stride = 1;
    dimensions_.resize(levels());
    for (int d = rank() - 1; d >= 0; --d) {
      dimensions_[d] = {dims_[d], stride};
      stride *= dims_[d];
    }
    std::vector<bool> cut(rank(), false);
    for (int b = 0; b < blocked(); ++b) {
      const int d = sparsity_.block_map->data[b];
      if (d < 0 || d >= rank() || cut[d]) {
        return Contradiction("it cuts a dimension that does not exist, or one twice");
      }
      cut[d] = true;
      const int64_t size = DenseSizeOf(rank() + b);
      if (size < 1 || dims_[d] % size != 0) {
        return Contradiction("blocks of " + std::to_string(size) + " in a dimension of " +
                             std::to_string(dims_[d]));
      }
      dimensions_[rank() + b] = {size, dimensions_[d].stride};
      dimensions_[d] = {dims_[d] / size, dimensions_[d].stride * size};
    }
    return Status::Ok();
  }

  int64_t DenseSizeOf(int dimension) const {
    for (int level = 0; level < levels(); ++level) {
      if (sparsity_.traversal_order->data[level] == dimension) {
        return sparsity_.dim_metadata[level].dense_size;
      }
    }
    return 0;
  }

  // From the nodes of one level to their children.
  Status Descend(int level, const Dimension& dimension, std::vector<int64_t>* nodes) const {
    const TfLiteDimensionMetadata& metadata = sparsity_.dim_metadata[level];
    if (metadata.format == kTfLiteDimDense) {
      if (metadata.dense_size != dimension.size) {
        return Contradiction("level " + std::to_string(level) + " has " +
                             std::to_string(metadata.dense_size) + " indices, expected " +
                             std::to_string(dimension.size));
      }
      return DescendDense(dimension, nodes);
    }
    if (metadata.format == kTfLiteDimSparseCSR) {
      return DescendSparse(level, metadata, dimension, nodes);
    }
    return Contradiction("level " + std::to_string(level) + " is neither dense nor sparse");
  }

  Status DescendDense(const Dimension& dimension, std::vector<int64_t>* nodes) const {
    // In a sound tree each node has a value below it, or is listed by a sparse level.
    int64_t most = values_;
    for (int level = 0; level < levels(); ++level) {
      most += SizeOf(sparsity_.dim_metadata[level].array_segments);
    }
    if (static_cast<int64_t>(nodes->size()) > most / dimension.size) {
      return Contradiction("it has more places than values");
    }
    std::vector<int64_t> children;
    children.reserve(nodes->size() * dimension.size);
    for (const int64_t node : *nodes) {
      for (int64_t i = 0; i < dimension.size; ++i) children.push_back(node + i * dimension.stride);
    }
    nodes->swap(children);
    return Status::Ok();
  }

  static Status DescendSparse(int level, const TfLiteDimensionMetadata& metadata,
                              const Dimension& dimension, std::vector<int64_t>* nodes) {
    const std::string place = "the indices of level " + std::to_string(level);
    const int64_t listed = SizeOf(metadata.array_indices);
    if (SizeOf(metadata.array_segments) != static_cast<int64_t>(nodes->size()) + 1) {
      return Contradiction(place + " have " + std::to_string(SizeOf(metadata.array_segments)) +
                           " segment bounds, expected " + std::to_string(nodes->size() + 1));
    }
    const int* const segments = metadata.array_segments->data;
    if (segments[0] != 0 || segments[nodes->size()] != listed) {
      return Contradiction(place + " are not all in segments");
    }
    std::vector<int64_t> children;
    children.reserve(listed);
    for (size_t n = 0; n < nodes->size(); ++n) {
      if (segments[n] < 0 || segments[n + 1] < segments[n] || segments[n + 1] > listed) {
        return Contradiction(place + " have segments that overlap");
      }
      int64_t last = -1;
      for (int i = segments[n]; i < segments[n + 1]; ++i) {
        const int64_t index = metadata.array_indices->data[i];
        if (index <= last || index >= dimension.size) {
          return Contradiction(place + " do not rise from 0 to " +
                               std::to_string(dimension.size - 1));
        }
        last = index;
        children.push_back((*nodes)[n] + index * dimension.stride);
      }
    }
    nodes->swap(children);
    return Status::Ok();
  }

  const TfLiteSparsity& sparsity_;
  const Dims& dims_;
  const int64_t values_;
  std::vector<Dimension> dimensions_;  // of the tensor, then those within blocks
};

}  // namespace

Status DecodePlaces(const TfLiteSparsity& sparsity, const Dims& dims, int64_t values,
                    std::vector<int64_t>* places, int64_t* elements) {
  return Tree(sparsity, dims, values).Decode(places, elements);
}

}  // namespace ubp
