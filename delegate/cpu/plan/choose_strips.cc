// SPDX-License-Identifier: Apache-2.0
#include "delegate/cpu/plan/choose_strips.h"

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "delegate/cpu/operators/row_operator.h"
#include "delegate/cpu/operators/window_operator.h"

namespace ubp {
namespace {

constexpr int kStripRows[] = {8, 4, 2, 1};
// Rows of a band at least: the rows that two bands compute must be few beside them.
constexpr int kLeastBandRows = 8;

class StripChooser {
 public:
  StripChooser(const PlanRules& rules, int threads, GraphLayout* layout)
      : rules_(rules), threads_(threads), layout_(*layout) {}

  Status Choose() {
    for (size_t begin = 0; begin < layout_.ops.size();) {
      StripGroup group;
      if (LargestGroup(begin, &group)) {
        UBP_RETURN_IF_ERROR(MakeRowBuffers(group));
        begin = group.end_op;
        layout_.strips.push_back(std::move(group));
      } else {
        ++begin;
      }
    }
    return Status::Ok();
  }

 private:
  bool CanRunRows(const PlannedOp& op) const {
    const TensorLayout& output = layout_.tensors[op.output];
    if (op.op->is_int8()) return false;
    if (!output.planes || output.dims[2] < kMinRowWidth) return false;
    // Windows of rows would be as large as a kernel reaches far.
    if (!HasWindow(*op.op) || !op.shape.AllTapsInside()) return false;
    switch (op.op->type()) {
      case OpType::kConv2D:
        return true;
      case OpType::kDepthwiseConv2D:
      case OpType::kMaxPool2D:
      case OpType::kAveragePool2D:
        return layout_.tensors[op.input].planes && WindowReadsInPlace(op.shape) &&
               PaddingIsZero(op);
      default:
        return false;
    }
  }

  bool IsReadFrom(size_t end, int tensor) const {
    for (size_t i = end; i < layout_.ops.size(); ++i) {
      if (layout_.ops[i].input == tensor || layout_.ops[i].ReadsAsWell(tensor)) return true;
    }
    return false;
  }

  // Whether all tensors written by ops [begin, end - 1) are read before `end` only.
  bool IsClosed(size_t begin, size_t end) const {
    for (size_t i = begin; i + 1 < end; ++i) {
      const TensorLayout& tensor = layout_.tensors[layout_.ops[i].output];
      const bool internal = tensor.storage == Storage::kInternal && !tensor.nhwc;
      if (!internal || IsReadFrom(end, layout_.ops[i].output)) return false;
    }
    return true;
  }

  int64_t Elements(int tensor) const {
    const Dims& dims = layout_.tensors[tensor].dims;
    return int64_t{dims[1]} * dims[2] * dims[3];
  }

  // The group from op `begin` on that makes row buffers of the most large tensors, as far as they fit.
  bool LargestGroup(size_t begin, StripGroup* group) {
    bool found = false;
    bool saves = false;  // by the ops after the group found, in which a large tensor is read
    std::set<int> written;
    for (size_t end = begin; end < layout_.ops.size() && CanRunRows(layout_.ops[end]);) {
      const PlannedOp& op = layout_.ops[end++];
      for (const int input : {op.input, op.second}) {
        saves =
            saves || (written.count(input) > 0 && Elements(input) >= rules_.row_buffer_elements);
      }
      written.insert(op.output);
      StripGroup candidate;
      if (!saves || !IsClosed(begin, end)) continue;
      if (!FitRows(begin, end, &candidate)) break;
      *group = std::move(candidate);
      found = true;
      saves = false;
    }
    return found;
  }

  static int BandBegin(int rows, int band, int bands) {
    return static_cast<int>(int64_t{rows} * band / bands);
  }

  // The highest strips whose row buffers fit.
  bool FitRows(size_t begin, size_t end, StripGroup* group) const {
    group->first_op = begin;
    group->end_op = end;
    AddOps(group);
    const int rows = layout_.ops[end - 1].shape.out_h;
    const int bands = std::max(1, std::min(threads_, rows / kLeastBandRows));
    for (const int strip_rows : kStripRows) {
      group->buffer_rows.assign(group->tensors.size(), 0);
      group->bands.clear();
      for (const bool sized : {false, true}) {
        for (int band = 0; band < bands; ++band) {
          std::vector<StripAction> actions =
              ScheduleBand(group->strips, BandBegin(rows, band, bands),
                           BandBegin(rows, band + 1, bands), strip_rows, &group->buffer_rows);
          if (sized) group->bands.push_back(std::move(actions));
        }
      }
      if (RowBuffersFit(*group)) return PixelsPerRun(*group) >= rules_.least_strip_pixels;
    }
    return false;
  }

  // The fewest pixels that an op usually computes at a time.
  int PixelsPerRun(const StripGroup& group) const {
    std::map<int, int> most_rows;
    for (const StripAction& action : group.bands[0]) {
      if (action.kind != StripActionKind::kRun) continue;
      int& rows = most_rows[action.index];
      rows = std::max(rows, action.end - action.begin);
    }
    int pixels = std::numeric_limits<int>::max();
    for (const auto& [op, rows] : most_rows) {
      pixels = std::min(pixels, rows * layout_.ops[group.first_op + op].shape.out_w);
    }
    return pixels;
  }

  void AddOps(StripGroup* group) const {
    std::map<int, int> number;
    const auto number_of = [&](int tensor) {
      const auto [found, is_new] = number.emplace(tensor, static_cast<int>(number.size()));
      if (is_new) {
        group->tensors.push_back(tensor);
        group->strips.tensors.push_back({layout_.tensors[tensor].dims[1], false});
      }
      return found->second;
    };
    for (size_t i = group->first_op; i < group->end_op; ++i) {
      const PlannedOp& op = layout_.ops[i];
      StripOp strip_op;
      strip_op.input = number_of(op.input);
      if (op.second >= 0) strip_op.second = number_of(op.second);
      strip_op.output = number_of(op.output);
      strip_op.shape = op.depthwise ? op.depthwise->shape : op.shape;
      group->strips.ops.push_back(strip_op);
      group->strips.tensors[strip_op.output].in_row_buffer = i + 1 < group->end_op;
    }
  }

  // Its rows above and below the image are rows of the buffer.
  Status MakeRowBuffer(const StripGroup& group, size_t tensor, PlaneGeometry* buffer) const {
    const PlaneGeometry& whole = layout_.tensors[group.tensors[tensor]].geometry;
    return MakePlaneGeometry(group.buffer_rows[tensor], whole.width, {0, whole.halo.columns},
                             buffer);
  }

  // Whether buffers of all these rows may be made.
  bool RowBuffersFit(const StripGroup& group) const {
    int64_t floats = 0;
    for (size_t t = 0; t < group.tensors.size(); ++t) {
      if (!group.strips.tensors[t].in_row_buffer) continue;
      PlaneGeometry buffer;
      if (!MakeRowBuffer(group, t, &buffer).ok()) return false;
      floats += buffer.plane_stride * layout_.tensors[group.tensors[t]].dims[3];
    }
    return floats <= rules_.most_row_buffer_floats;
  }

  Status MakeRowBuffers(const StripGroup& group) {
    for (size_t t = 0; t < group.tensors.size(); ++t) {
      if (!group.strips.tensors[t].in_row_buffer) continue;
      TensorLayout& tensor = layout_.tensors[group.tensors[t]];
      UBP_RETURN_IF_ERROR(MakeRowBuffer(group, t, &tensor.geometry));
      tensor.row_buffers = threads_;
    }
    return Status::Ok();
  }

  PlanRules rules_;
  int threads_;
  GraphLayout& layout_;
};

}  // namespace

Status ChooseStrips(const PlanRules& rules, int threads, GraphLayout* layout) {
  return StripChooser(rules, threads, layout).Choose();
}

}  // namespace ubp
