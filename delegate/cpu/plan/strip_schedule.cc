// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/strip_schedule.h"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace ubp {
namespace {

constexpr int kNever = std::numeric_limits<int>::max();

// The first input row that output row `row` reads; may be above the image. No more than
// `pad_bottom` below its end.
int FirstRowRead(const ConvShape& shape, int row) {
  return static_cast<int>(int64_t{row} * shape.stride_h - shape.pad_top);
}

// One past the last input row that output row `row` reads; may be below the image.
int EndRowRead(const ConvShape& shape, int row) {
  return FirstRowRead(shape, row) + (shape.kernel_h - 1) * shape.dilation_h + 1;
}

class BandScheduler {
 public:
  BandScheduler(const StripOps& strips, std::vector<int>* buffer_rows)
      : strips_(strips), buffer_rows_(*buffer_rows), state_(strips.tensors.size()) {}

  std::vector<StripAction> Schedule(int begin, int end, int strip_rows) {
    Begin(begin);
    for (int row = begin; row < end; row += strip_rows) RunStrip(std::min(end, row + strip_rows));
    return std::move(actions_);
  }

 private:
  // What is known of a tensor.
  struct State {
    int first = 0;   // row of the image at the top of the row buffer
    int done = 0;    // rows before this one have been computed, as far as the band needs them
    int wanted = 0;  // rows before this one are needed now
    int below = 0;   // how far operators read below the image
  };

  // Where each row buffer starts.
  void Begin(int begin) {
    for (State& state : state_) state.first = state.done = kNever;
    State& result = state_[strips_.ops.back().output];
    result.first = result.done = begin;
    for (size_t i = strips_.ops.size(); i-- > 0;) {
      const StripOp& op = strips_.ops[i];
      const int row = state_[op.output].done;
      if (row == kNever) continue;  // nobody reads what it writes
      Lower(op.input, FirstRowRead(op.shape, row));
      if (op.second >= 0) Lower(op.second, row);
      State& input = state_[op.input];
      const int height = strips_.tensors[op.input].height;
      input.below = std::max(input.below, EndRowRead(op.shape, op.shape.out_h - 1) - height);
    }
    for (size_t t = 0; t < state_.size(); ++t) {
      if (!strips_.tensors[t].in_row_buffer) {
        state_[t].first = 0;
      } else if (state_[t].first < 0) {
        Fit(t, 0);
        AddZeros(t, state_[t].first, 0);
      }
    }
  }

  void Lower(int tensor, int row) {
    State& state = state_[tensor];
    state.first = std::min(state.first, row);
    state.done = std::min(state.done, std::max(0, row));
  }

  void RunStrip(int end) {
    for (State& state : state_) state.wanted = 0;
    state_[strips_.ops.back().output].wanted = end;
    for (size_t i = strips_.ops.size(); i-- > 0;) {
      const StripOp& op = strips_.ops[i];
      const State& output = state_[op.output];
      if (output.wanted <= output.done) continue;
      Want(op.input, EndRowRead(op.shape, output.wanted - 1));
      if (op.second >= 0) Want(op.second, output.wanted);
    }
    for (size_t i = 0; i < strips_.ops.size(); ++i) RunOp(static_cast<int>(i));
  }

  void Want(int tensor, int end) {
    State& state = state_[tensor];
    state.wanted = std::max(state.wanted, std::min(end, strips_.tensors[tensor].height));
  }

  void RunOp(int index) {
    const StripOp& op = strips_.ops[index];
    State& output = state_[op.output];
    if (output.wanted <= output.done) return;
    const StripTensor& tensor = strips_.tensors[op.output];
    const bool to_the_end = output.wanted == tensor.height;
    const int below = tensor.in_row_buffer && to_the_end ? output.below : 0;
    if (tensor.in_row_buffer) Fit(op.output, output.wanted + below);
    const int second_row = op.second >= 0 ? state_[op.second].first : 0;
    actions_.push_back({StripActionKind::kRun, index, output.done, output.wanted,
                        state_[op.input].first, second_row, output.first});
    output.done = output.wanted;
    if (below > 0) AddZeros(op.output, tensor.height, tensor.height + below);
  }

  void AddZeros(int tensor, int begin, int end) {
    actions_.push_back({StripActionKind::kZero, tensor, begin, end, 0, 0, state_[tensor].first});
  }

  // Makes room for the rows before `end` in a tensor's row buffer.
  void Fit(int tensor, int end) {
    State& state = state_[tensor];
    int& rows = buffer_rows_[tensor];
    if (end - state.first <= rows) return;
    const int keep = std::min(FirstRowNeeded(tensor), state.done);
    if (keep > state.first) {
      if (keep < state.done) {
        actions_.push_back({StripActionKind::kMove, tensor, keep, state.done, 0, 0, state.first});
      }
      state.first = keep;
    }
    rows = std::max(rows, end - state.first);
  }

  // The first row of a tensor that an operator has yet to read.
  int FirstRowNeeded(int tensor) const {
    int row = kNever;
    for (const StripOp& op : strips_.ops) {
      const int next = state_[op.output].done;
      if (next == op.shape.out_h) continue;
      if (op.input == tensor) row = std::min(row, FirstRowRead(op.shape, next));
      if (op.second == tensor) row = std::min(row, next);
    }
    return row;
  }

  const StripOps& strips_;
  std::vector<int>& buffer_rows_;
  std::vector<State> state_;
  std::vector<StripAction> actions_;
};

}  // namespace

std::vector<StripAction> ScheduleBand(const StripOps& strips, int begin, int end, int strip_rows,
                                      std::vector<int>* buffer_rows) {
  return BandScheduler(strips, buffer_rows).Schedule(begin, end, strip_rows);
}

}  // namespace ubp
