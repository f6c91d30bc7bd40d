// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "delegate/cpu/plan/verify_layout.h"

namespace ubp {
namespace {

constexpr int kNothing = std::numeric_limits<int>::min();

// One band of a group, run on row numbers.
class BandRun {
 public:
  BandRun(const GraphLayout& layout, const StripGroup& group) : layout_(layout), group_(group) {
    for (const int rows : group.buffer_rows) row_buffers_.emplace_back(rows, kNothing);
    result_.assign(group.strips.tensors[Result()].height, 0);
  }

  // A sentence on what went wrong; empty if nothing did.
  std::string Run(const std::vector<StripAction>& actions) {
    for (const StripAction& action : actions) {
      const std::string fault = action.kind == StripActionKind::kRun    ? RunOp(action)
                                : action.kind == StripActionKind::kZero ? Zero(action)
                                                                        : Move(action);
      if (!fault.empty()) return fault;
    }
    return "";
  }

  int Result() const { return group_.strips.ops.back().output; }
  // How often each row of the result was written.
  const std::vector<int>& result() const { return result_; }

 private:
  bool InRowBuffer(int tensor) const { return group_.strips.tensors[tensor].in_row_buffer; }
  int Height(int tensor) const { return group_.strips.tensors[tensor].height; }

  static std::string Row(int row, int tensor, const char* what) {
    return "row " + std::to_string(row) + " of tensor " + std::to_string(tensor) + " " + what;
  }

  // Whether `row` can be read in a row buffer that begins with `first`, or in the whole tensor, with
  // `halo` rows of zeros above and below.
  std::string ReadFault(int tensor, int first, int row, int64_t halo = 0) const {
    if (!InRowBuffer(tensor)) {
      const bool inside = row >= -halo && row < Height(tensor) + halo;
      return inside ? "" : Row(row, tensor, "is beyond the halo");
    }
    const int64_t place = int64_t{row} - first;
    const std::vector<int>& buffer = row_buffers_[tensor];
    const bool inside = place >= 0 && place < static_cast<int64_t>(buffer.size());
    return inside && buffer[place] == row ? "" : Row(row, tensor, "is not in its row buffer");
  }

  std::string Write(int tensor, int first, int row) {
    if (!InRowBuffer(tensor)) {
      if (tensor != Result() || row < 0 || row >= Height(tensor)) {
        return Row(row, tensor, "is not for this band to write");
      }
      ++result_[row];
      return "";
    }
    const int64_t place = int64_t{row} - first;
    if (place < 0 || place >= static_cast<int64_t>(row_buffers_[tensor].size())) {
      return Row(row, tensor, "is written outside its row buffer");
    }
    row_buffers_[tensor][place] = row;
    return "";
  }

  // What is not read in place is copied, with as much padding as it takes.
  int64_t HaloRows(const StripAction& action, int tensor) const {
    const TensorLayout& layout = layout_.tensors[group_.tensors[tensor]];
    const bool in_place =
        layout.planes && ReadsInPlace(layout_.ops[group_.first_op + action.index]);
    return in_place ? layout.geometry.halo.rows : std::numeric_limits<int>::max();
  }

  std::string RunOp(const StripAction& action) {
    const StripOp& op = group_.strips.ops[action.index];
    const ConvShape& s = op.shape;
    const int64_t halo = HaloRows(action, op.input);
    for (int y = action.begin; y < action.end; ++y) {
      for (int ky = 0; ky < s.kernel_h; ++ky) {
        const int row = y * s.stride_h + ky * s.dilation_h - s.pad_top;
        std::string fault = ReadFault(op.input, action.input_row, row, halo);
        if (!fault.empty()) return fault;
      }
      if (op.second >= 0) {
        std::string fault = ReadFault(op.second, action.second_row, y);
        if (!fault.empty()) return fault;
      }
    }
    for (int y = action.begin; y < action.end; ++y) {
      std::string fault = Write(op.output, action.output_row, y);
      if (!fault.empty()) return fault;
    }
    return "";
  }

  // Rows beyond the image.
  std::string Zero(const StripAction& action) {
    for (int row = action.begin; row < action.end; ++row) {
      if (row >= 0 && row < Height(action.index)) return Row(row, action.index, "is made zero");
      std::string fault = Write(action.index, action.output_row, row);
      if (!fault.empty()) return fault;
    }
    return "";
  }

  std::string Move(const StripAction& action) {
    std::vector<int>& buffer = row_buffers_[action.index];
    for (int row = action.begin; row < action.end; ++row) {
      std::string fault = ReadFault(action.index, action.output_row, row);
      if (!fault.empty()) return fault;
    }
    const auto begin = buffer.begin() + (action.begin - action.output_row);
    std::copy(begin, begin + (action.end - action.begin), buffer.begin());
    return "";
  }

  const GraphLayout& layout_;
  const StripGroup& group_;
  std::vector<std::vector<int>> row_buffers_;  // the row of the image in each row of a buffer
  std::vector<int> result_;
};

}  // namespace

Status VerifyStrips(const GraphLayout& layout, const StripGroup& group) {
  const std::string label = layout.ops[group.first_op].op->label + " and what follows in strips: ";
  std::vector<int> times;
  for (const std::vector<StripAction>& actions : group.bands) {
    BandRun run(layout, group);
    const std::string fault = run.Run(actions);
    if (!fault.empty()) return Status::Error(label + fault + ".");
    times.resize(run.result().size());
    for (size_t row = 0; row < times.size(); ++row) times[row] += run.result()[row];
  }
  const bool once = std::all_of(times.begin(), times.end(), [](int n) { return n == 1; });
  if (once) return Status::Ok();
  return Status::Error(label + "a row of the result is not written once.");
}

}  // namespace ubp
