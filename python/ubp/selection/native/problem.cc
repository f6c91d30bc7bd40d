// SPDX-License-Identifier: Apache-2.0
#include "python/ubp/selection/native/problem.h"

#include <algorithm>

namespace ubp {
namespace selection {
namespace {

constexpr int kGroupsPerJob = 8;

int64_t CeilDivide(int64_t a, int64_t b) { return (a + b - 1) / b; }

int64_t RoundUp(int64_t a, int64_t unit) { return CeilDivide(a, unit) * unit; }

// Elements of scratch memory: the rows and columns of Interleave, or the rings of a sweep.
int64_t ScratchSize(const Layer& layer, int width) {
  const int64_t interleave = 2 * width * RoundUp(layer.channels, width);
  return std::max(interleave, kMaxPoints * 2 * layer.block_size * width);
}

}  // namespace

Problem::Problem(std::vector<Layer> layers, const Kernels& kernels, int threads)
    : layers_(std::move(layers)), kernels_(kernels), pool_(threads) {
  const int64_t width = kernels_.width;
  int64_t scratch_size = 0;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const int64_t group_size = layer.starts() * width;
    scores_.emplace_back(CeilDivide(layer.lanes, width) * group_size);
    int32_t* scores = scores_.back().data();
    for (int64_t lane = 0; lane < layer.lanes; lane += width, scores += group_size) {
      const int num_lanes = static_cast<int>(std::min(width, layer.lanes - lane));
      groups_.push_back({static_cast<int>(i), num_lanes, lane, scores});
    }
    scratch_size = std::max(scratch_size, ScratchSize(layer, kernels_.width));
  }
  for (int thread = 0; thread < threads; ++thread) scratch_.emplace_back(scratch_size);

  std::vector<int32_t> max_scores(groups_.size());
  pool_.Run(static_cast<int>(groups_.size()),
            [&](int group, int thread) { Interleave(group, thread, &max_scores[group]); });
  max_scores_.assign(layers_.size(), 0);
  for (size_t group = 0; group < groups_.size(); ++group) {
    int64_t& max_score = max_scores_[groups_[group].layer];
    max_score = std::max<int64_t>(max_score, max_scores[group] / 2);
  }
}

void Problem::Interleave(int64_t index, int thread, int32_t* max_score) const {
  const Group& group = groups_[index];
  const Layer& layer = layers_[group.layer];
  const int64_t stride = RoundUp(layer.channels, kernels_.width);
  int32_t* const rows = scratch_[thread].data();
  for (int lane = 0; lane < kernels_.width; ++lane) {
    int32_t* const row = rows + lane * stride;
    if (lane < group.num_lanes) {
      layer.Quantise(kernels_, group.first_lane + lane, row);
    } else {
      std::fill_n(row, layer.channels, -1);  // no penalty makes a negative score worth while
    }
    std::fill_n(row + layer.channels, stride - layer.channels, 0);
  }
  InterleaveArgs args;
  args.rows = rows;
  args.row_stride = stride;
  args.channels = layer.channels;
  args.block_size = layer.block_size;
  args.columns = rows + kernels_.width * stride;
  args.scores = group.scores;
  *max_score = kernels_.interleave(args);
}

void Problem::Solve(const std::vector<int64_t>& groups,
                    const std::vector<const int64_t*>& penalties,
                    const std::vector<Optimum*>& results) {
  const int points = static_cast<int>(penalties.size());
  const int64_t num_groups = static_cast<int64_t>(groups.size());
  const auto solve_group = [&](int64_t i, int thread) {
    const Group& group = groups_[groups[i]];
    const Layer& layer = layers_[group.layer];
    SweepResult sums[kMaxPoints];
    SweepArgs args;
    args.scores = group.scores;
    args.starts = layer.starts();
    args.block_size = layer.block_size;
    args.rings = scratch_[thread].data();
    args.results = sums;
    for (int p = 0; p < points; ++p) {
      args.penalties[p] = static_cast<int32_t>(2 * penalties[p][group.layer] - 1);
    }
    kernels_.sweep[points - 1](args);
    for (int p = 0; p < points; ++p) {
      const int64_t net = static_cast<int64_t>(sums[p].value);
      results[p][i] = {sums[p].count, (net + args.penalties[p] * sums[p].count) / 2};
    }
  };
  const int jobs = static_cast<int>(CeilDivide(num_groups, kGroupsPerJob));
  pool_.Run(jobs, [&](int job, int thread) {
    const int64_t end = std::min<int64_t>(num_groups, (job + int64_t{1}) * kGroupsPerJob);
    for (int64_t i = int64_t{job} * kGroupsPerJob; i < end; ++i) solve_group(i, thread);
  });
}

void Problem::Trace(int64_t index, int64_t penalty, int thread, int32_t* words) const {
  const Group& group = groups_[index];
  const Layer& layer = layers_[group.layer];
  TraceArgs args;
  args.scores = group.scores;
  args.starts = layer.starts();
  args.block_size = layer.block_size;
  args.penalty = static_cast<int32_t>(2 * penalty - 1);
  args.ring = scratch_[thread].data();
  args.words = words;
  kernels_.trace(args);
}

int64_t Problem::Packable(int64_t group) const {
  const Layer& layer = layers_[groups_[group].layer];
  return groups_[group].num_lanes * (layer.channels / layer.block_size);
}

int64_t Problem::NumWords(int64_t group) const {
  return CeilDivide(layers_[groups_[group].layer].starts(), kWordStarts);
}

}  // namespace selection
}  // namespace ubp
