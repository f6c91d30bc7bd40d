// SPDX-License-Identifier: Apache-2.0
#include "python/ubp/selection/native/dual.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ubp {
namespace selection {
namespace {

constexpr int64_t kSampledShare = 32;    // one of so many groups is in the sample
constexpr double kWorthDropping = 0.75;  // share of groups open below which others are left out
constexpr int64_t kWiden = 4;            // the next step's length when the best penalty is outside
// How far from the straight line between the counts at its ends the best penalty of a bracket may
// be, in parts of its width: kCurvature + kScatter / sqrt(difference of the counts).
constexpr double kCurvature = 1.0 / 64;
constexpr double kScatter = 0.5;

struct Point {
  int64_t penalty = 0;
  std::vector<Optimum> groups;  // of the groups that are open
  Optimum total;
};

using Pair = std::pair<int64_t, int64_t>;

// Penalties to begin with, and how far outward to go if they do not enclose the best one.
struct Estimate {
  Pair guesses;
  int64_t step;
};

// Keeps lo < hi with count(lo) >= m > count(hi). Groups with the same count at both are served by
// the same solution everywhere in between: they are settled, and left out from then on.
class Search {
 public:
  Search(Problem* problem, std::vector<int64_t> groups, int64_t num_blocks)
      : problem_(*problem), open_(std::move(groups)), missing_(num_blocks) {
    for (size_t i = 0; i < problem_.layers().size(); ++i) {
      highest_ = std::max(highest_, problem_.max_score(static_cast<int>(i)) + 1);
    }
  }

  // Finds lo with missing_ blocks, or hi = lo + 1. Stops earlier where the counts at lo and hi are
  // at most `tolerance` apart.
  void Run(const Estimate& estimate, int64_t tolerance) {
    Bracket(estimate);
    while (!Done() && lo_.total.count - hi_.total.count > tolerance) {
      DropSettled();
      const int64_t width = hi_.penalty - lo_.penalty;
      for (Point& point : Evaluate(Guesses())) {
        const bool enough = point.total.count >= missing_;
        (enough ? lo_ : hi_) = std::move(point);
        if (!enough) break;
      }
      failed_ = 2 * (hi_.penalty - lo_.penalty) > width;
      failures_ += failed_;
    }
  }

  int64_t highest() const { return highest_; }

  // Where a straight line through the counts at lo and hi meets m.
  int64_t Secant() const {
    const double share = static_cast<double>(lo_.total.count - missing_) /
                         static_cast<double>(lo_.total.count - hi_.total.count);
    return lo_.penalty + std::llround(static_cast<double>(hi_.penalty - lo_.penalty) * share);
  }

  // Whether several blocks cease to pay at once.
  bool Tied() const { return lo_.total.count != missing_ && hi_.penalty - lo_.penalty == 1; }
  int64_t penalty() const { return lo_.penalty; }

  Dual Result() {
    Dual dual;
    dual.penalty = lo_.penalty;
    dual.value = settled_value_ + lo_.total.value + lo_.penalty * (missing_ - lo_.total.count);
    dual.most.resize(problem_.num_groups());
    dual.fewest.resize(problem_.num_groups());
    for (size_t i = 0; i < open_.size(); ++i) {
      dual.most[open_[i]] = lo_.groups[i].count;
      dual.fewest[open_[i]] = hi_.groups[i].count;
    }
    for (const auto& [group, count] : settled_) dual.most[group] = dual.fewest[group] = count;
    return dual;
  }

 private:
  bool Done() const { return lo_.total.count == missing_ || hi_.penalty - lo_.penalty == 1; }

  // In the order of the penalties, which may be equal.
  std::vector<Point> Evaluate(Pair penalties) {
    const int count = penalties.first == penalties.second ? 1 : 2;
    std::vector<Point> points(count);
    std::vector<std::vector<int64_t>> by_layer(count);
    std::vector<const int64_t*> arguments;
    std::vector<Optimum*> results;
    for (int p = 0; p < count; ++p) {
      points[p].penalty = p == 0 ? penalties.first : penalties.second;
      points[p].groups.resize(open_.size());
      by_layer[p].assign(problem_.layers().size(), points[p].penalty);
      arguments.push_back(by_layer[p].data());
      results.push_back(points[p].groups.data());
    }
    problem_.Solve(open_, arguments, results);
    for (Point& point : points) {
      for (const Optimum& group : point.groups) point.total += group;
    }
    return points;
  }

  // Finds two points on either side of m, outward from the guesses.
  void Bracket(const Estimate& estimate) {
    std::vector<Point> points = Evaluate(estimate.guesses);
    lo_ = points.front();
    hi_ = points.back();
    int64_t step = estimate.step;
    while (lo_.total.count < missing_) {  // ends at 0 at the latest, where all is packed full
      hi_ = std::move(lo_);
      const int64_t next = std::max<int64_t>(hi_.penalty - step, 0);
      lo_ = std::move(Evaluate({next, next}).front());
      step *= kWiden;
    }
    while (hi_.total.count >= missing_) {  // ends above the best score, where no block pays
      lo_ = std::move(hi_);
      const int64_t next = std::min(lo_.penalty + step, highest_);
      hi_ = std::move(Evaluate({next, next}).front());
      step *= kWiden;
    }
  }

  void DropSettled() {
    size_t num_open = 0;
    for (size_t i = 0; i < open_.size(); ++i) {
      num_open += lo_.groups[i].count != hi_.groups[i].count;
    }
    if (num_open >= kWorthDropping * open_.size()) return;
    size_t kept = 0;
    for (size_t i = 0; i < open_.size(); ++i) {
      if (lo_.groups[i].count == hi_.groups[i].count) {
        settled_.emplace_back(open_[i], lo_.groups[i].count);
        settled_value_ += lo_.groups[i].value;
        missing_ -= lo_.groups[i].count;
        lo_.total.count -= lo_.groups[i].count;
        lo_.total.value -= lo_.groups[i].value;
        hi_.total.count -= hi_.groups[i].count;
        hi_.total.value -= hi_.groups[i].value;
      } else {
        open_[kept] = open_[i];
        lo_.groups[kept] = lo_.groups[i];
        hi_.groups[kept] = hi_.groups[i];
        ++kept;
      }
    }
    open_.resize(kept);
    lo_.groups.resize(kept);
    hi_.groups.resize(kept);
  }

  // Two penalties inside the bracket to try next.
  Pair Guesses() const {
    const int64_t width = hi_.penalty - lo_.penalty;
    const int64_t between = lo_.total.count - hi_.total.count;
    Pair guesses;
    if (!failed_) {
      // Counts that change at random penalties are off the straight line by about the root of their
      // number.
      const double margin = kCurvature + kScatter / std::sqrt(static_cast<double>(between));
      const int64_t distance = static_cast<int64_t>(static_cast<double>(width) * margin);
      guesses = {Secant() - distance, Secant() + distance + 1};
    } else if (failures_ % 2 == 0) {
      // Where the tangents of the dual at lo and hi meet: exact if it has one kink between (ties).
      const int64_t kink = (lo_.total.value - hi_.total.value) / between;
      guesses = {kink, kink + 1};
    } else {
      guesses = {lo_.penalty + width / 3, hi_.penalty - width / 3};
    }
    const auto inside = [this](int64_t guess) {
      return std::clamp(guess, lo_.penalty + 1, hi_.penalty - 1);
    };
    return {inside(guesses.first), inside(guesses.second)};
  }

  Problem& problem_;
  std::vector<int64_t> open_;
  int64_t missing_;  // blocks that the open groups have to provide
  int64_t highest_ = 0;
  int64_t settled_value_ = 0;
  std::vector<Pair> settled_;  // group, count
  Point lo_, hi_;
  bool failed_ = false;  // the last pass has not halved the bracket
  int failures_ = 0;
};

// Two penalties likely to enclose the best one, from a sample of the groups.
Estimate EstimatePenalty(Problem* problem, int64_t num_blocks) {
  const int64_t num_groups = problem->num_groups();
  const int64_t stride = std::min(num_groups, kSampledShare);
  std::vector<int64_t> sample;
  int64_t packable = 0, sampled = 0;
  for (int64_t group = 0; group < num_groups; ++group) {
    packable += problem->Packable(group);
    if (group % stride != stride / 2) continue;
    sampled += problem->Packable(group);
    sample.push_back(group);
  }
  const double wanted = static_cast<double>(num_blocks) * sampled / packable;
  const int64_t share = std::clamp<int64_t>(std::llround(wanted), 1, sampled);
  const double deviation = std::sqrt(static_cast<double>(share));
  Search search(problem, std::move(sample), share);
  search.Run({{0, search.highest()}, 1}, static_cast<int64_t>(deviation / 2));
  const int64_t penalty = search.Tied() ? search.penalty() : search.Secant();
  const int64_t margin = 1 + static_cast<int64_t>(static_cast<double>(penalty) / deviation);
  if (search.Tied()) return {{penalty, penalty + 1}, margin};
  return {{std::max<int64_t>(penalty - margin, 0), std::min(penalty + margin, search.highest())},
          margin};
}

}  // namespace

Dual MinimiseDual(Problem* problem, int64_t num_blocks) {
  std::vector<int64_t> groups(problem->num_groups());
  for (size_t i = 0; i < groups.size(); ++i) groups[i] = static_cast<int64_t>(i);
  const Estimate estimate = EstimatePenalty(problem, num_blocks);
  Search search(problem, std::move(groups), num_blocks);
  search.Run(estimate, 0);
  return search.Result();
}

}  // namespace selection
}  // namespace ubp
