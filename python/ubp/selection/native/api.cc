// SPDX-License-Identifier: Apache-2.0
#include "python/ubp/selection/native/api.h"

#include <algorithm>
#include <iterator>
#include <new>
#include <numeric>
#include <system_error>
#include <vector>

#include "python/ubp/selection/native/aligned.h"
#include "python/ubp/selection/native/blocks.h"
#include "python/ubp/selection/native/dual.h"
#include "python/ubp/selection/native/greedy.h"
#include "python/ubp/selection/native/kernels.h"
#include "python/ubp/selection/native/optimal.h"
#include "python/ubp/selection/native/problem.h"

using ubp::selection::Blocks;
using ubp::selection::Dual;
using ubp::selection::Kernels;
using ubp::selection::Layer;
using ubp::selection::Optimum;
using ubp::selection::Problem;

struct UbpSelection {
  Problem problem;
};

namespace {

enum Status { kOk = 0, kNoMemory = 1, kNoThreads = 2 };

// No exception leaves the library.
template <class Function>
int Guarded(const Function& function) {
  try {
    function();
    return kOk;
  } catch (const std::bad_alloc&) {
    return kNoMemory;
  } catch (const std::system_error&) {
    return kNoThreads;
  }
}

Layer ToLayer(const UbpSelectionLayer& layer) {
  return {layer.importance, layer.value_bytes == sizeof(double),
          layer.lanes,      layer.channels,
          layer.block_size, layer.peak,
          layer.quanta};
}

// Penalties that the problem takes, with the same optima.
std::vector<int64_t> Clamped(const Problem& problem, const int64_t* penalties) {
  std::vector<int64_t> clamped(problem.layers().size());
  for (size_t i = 0; i < clamped.size(); ++i) {
    const int64_t highest = problem.max_score(static_cast<int>(i)) + 1;
    clamped[i] = std::clamp<int64_t>(penalties[i], 0, highest);
  }
  return clamped;
}

template <class T>
bool Peak(const Kernels& kernels, const void* values, int64_t count, double* peak) {
  T largest;
  const bool valid = kernels.Peak(static_cast<const T*>(values), count, &largest);
  *peak = largest;
  return valid;
}

// Adds the groups' optima up by layer.
void Evaluate(Problem* problem, const std::vector<int64_t>& groups, int points,
              const int64_t* penalties, int64_t* counts, int64_t* values) {
  const int64_t num_layers = static_cast<int64_t>(problem->layers().size());
  std::vector<std::vector<int64_t>> clamped(points);
  std::vector<std::vector<Optimum>> optima(points, std::vector<Optimum>(groups.size()));
  std::vector<const int64_t*> arguments;
  std::vector<Optimum*> results;
  for (int p = 0; p < points; ++p) {
    clamped[p] = Clamped(*problem, penalties + p * num_layers);
    arguments.push_back(clamped[p].data());
    results.push_back(optima[p].data());
  }
  problem->Solve(groups, arguments, results);
  std::fill_n(counts, points * num_layers, 0);
  std::fill_n(values, points * num_layers, 0);
  for (int p = 0; p < points; ++p) {
    for (size_t i = 0; i < groups.size(); ++i) {
      const int64_t place = p * num_layers + problem->LayerOf(groups[i]);
      counts[place] += optima[p][i].count;
      values[place] += optima[p][i].value;
    }
  }
}

std::vector<int64_t> AllGroups(const Problem& problem) {
  std::vector<int64_t> groups(problem.num_groups());
  std::iota(groups.begin(), groups.end(), 0);
  return groups;
}

// Writes how many blocks are of each layer, and the importance in them.
void Summarise(const Problem& problem, const std::vector<int64_t>& group_counts, Blocks blocks,
               int64_t* counts, double* sums) {
  const std::vector<Layer>& layers = problem.layers();
  std::fill_n(counts, layers.size(), 0);
  for (size_t group = 0; group < group_counts.size(); ++group) {
    counts[problem.LayerOf(static_cast<int64_t>(group))] += group_counts[group];
  }
  for (size_t i = 0; i < layers.size(); ++i) {
    sums[i] = ImportanceOf(layers[i], blocks, counts[i]);
    blocks.lanes += counts[i];
    blocks.starts += counts[i];
  }
}

}  // namespace

extern "C" {

int ubp_selection_interface(void) { return UBP_SELECTION_INTERFACE; }

const char* ubp_selection_family(int index) {
  for (const Kernels* const* each = ubp::selection::AllKernels(); *each != nullptr; ++each) {
    if ((*each)->supported() && index-- == 0) return (*each)->name;
  }
  return nullptr;
}

int ubp_selection_peak(const char* family, const void* values, int64_t value_bytes, int64_t count,
                       double* peak) {
  const Kernels& kernels = *ubp::selection::FindKernels(family);
  return value_bytes == sizeof(double) ? Peak<double>(kernels, values, count, peak)
                                       : Peak<float>(kernels, values, count, peak);
}

int ubp_selection_open(const char* family, int threads, int64_t num_layers,
                       const UbpSelectionLayer* layers, UbpSelection** selection) {
  return Guarded([&] {
    std::vector<Layer> views;
    std::transform(layers, layers + num_layers, std::back_inserter(views), &ToLayer);
    const Kernels& kernels = *ubp::selection::FindKernels(family);
    *selection = new UbpSelection{Problem(std::move(views), kernels, threads)};
  });
}

void ubp_selection_close(UbpSelection* selection) { delete selection; }

void ubp_selection_max_scores(const UbpSelection* selection, int64_t* max_scores) {
  const int num_layers = static_cast<int>(selection->problem.layers().size());
  for (int i = 0; i < num_layers; ++i) max_scores[i] = selection->problem.max_score(i);
}

int ubp_selection_evaluate(UbpSelection* selection, int64_t points, const int64_t* penalties,
                           int64_t* counts, int64_t* values) {
  return Guarded([&] {
    Problem* const problem = &selection->problem;
    const int64_t num_layers = static_cast<int64_t>(problem->layers().size());
    const std::vector<int64_t> groups = AllGroups(*problem);
    for (int64_t p = 0; p < points; p += ubp::selection::kMaxPoints) {
      const int now = static_cast<int>(std::min<int64_t>(points - p, ubp::selection::kMaxPoints));
      const int64_t place = p * num_layers;
      Evaluate(problem, groups, now, penalties + place, counts + place, values + place);
    }
  });
}

int ubp_selection_trace(UbpSelection* selection, const int64_t* penalties, int64_t* lanes,
                        int64_t* starts) {
  return Guarded([&] {
    Problem* const problem = &selection->problem;
    SelectAt(problem, Clamped(*problem, penalties).data(), Blocks{lanes, starts});
  });
}

int ubp_selection_select(UbpSelection* selection, UbpSelectionMethod method, int64_t num_blocks,
                         int64_t* lanes, int64_t* starts, int64_t* counts, double* sums,
                         UbpSelectionDual* result) {
  return Guarded([&] {
    Problem* const problem = &selection->problem;
    const Blocks blocks = {lanes, starts};
    const Dual dual = MinimiseDual(problem, num_blocks);
    *result = {dual.penalty, dual.value};
    std::vector<int64_t> group_counts = {num_blocks};
    switch (method) {
      case kUbpSelectionOptimal:
        group_counts = SelectOptimal(problem, dual, num_blocks, blocks);
        break;
      case kUbpSelectionAligned:
        SelectAligned(problem, num_blocks, blocks);
        break;
      case kUbpSelectionGreedy:
        SelectGreedy(problem, num_blocks, dual.penalty, blocks);
        break;
      case kUbpSelectionBed:
        SelectBed(problem, num_blocks, dual.penalty, blocks);
        break;
    }
    Summarise(*problem, group_counts, blocks, counts, sums);
  });
}

}  // extern "C"
