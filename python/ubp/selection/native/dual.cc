#include "python/ubp/selection/native/dual.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace ubp {
namespace selection {
namespace {

constexpr int64_t kSampledShare = 32;    // one of so many groups is in the sample
constexpr double kWorthDropping = 0.75;  // share of groups open below which others are left out

struct Point {
  int64_t penalty = 0;
  std::vector<Optimum> groups;  // of the groups that are open
  Optimum total;
};

using Pair = std::pair<int64_t, int64_t>;

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

  // Leaves lo with missing_ blocks, or hi = lo + 1.
  void Run(Pair first_guesses) {
    Bracket(first_guesses);
    while (!Done()) {
      DropSettled();
      const int64_t width = hi_.penalty - lo_.penalty;
      for (Point& point : Evaluate(Guesses())) {
        const bool enough = point.total.count >= missing_;
        (enough ? lo_ : hi_) = std::move(point);
        if (!enough) break;
      }
      failures_ = 2 * (hi_.penalty - lo_.penalty) > width ? failures_ + 1 : 0;
    }
  }

  int64_t penalty() const { return lo_.penalty; }
  int64_t highest() const { return highest_; }

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
  void Bracket(Pair guesses) {
    std::vector<Point> points = Evaluate(guesses);
    lo_ = points.front();
    hi_ = points.back();
    int64_t step = std::max<int64_t>(1, hi_.penalty - lo_.penalty);
    while (lo_.total.count < missing_) {  // ends at 0 at the latest, where all is packed full
      step *= 4;
      hi_ = std::move(lo_);
      const int64_t next = std::max<int64_t>(hi_.penalty - step, 0);
      lo_ = std::move(Evaluate({next, next}).front());
    }
    while (hi_.total.count >= missing_) {  // ends above the best score, where no block pays
      step *= 4;
      lo_ = std::move(hi_);
      const int64_t next = std::min(lo_.penalty + step, highest_);
      hi_ = std::move(Evaluate({next, next}).front());
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
    if (failures_ % 3 == 0) {
      // Around the place where a straight line through the counts meets m. Counts that change at
      // random penalties are off the line by about the root of their number.
      const int64_t secant =
          lo_.penalty + std::llround(static_cast<double>(width) *
                                     static_cast<double>(lo_.total.count - missing_) / between);
      const int64_t margin =
          static_cast<int64_t>(width * (0.5 / std::sqrt(static_cast<double>(between)) + 1.0 / 128));
      guesses = {secant - margin, secant + margin + 1};
    } else if (failures_ % 3 == 1) {
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
  int failures_ = 0;  // passes in succession that have not halved the bracket
};

// Two penalties likely to enclose the best one, from a sample of the groups.
Pair Estimate(Problem* problem, int64_t num_blocks) {
  const int64_t num_groups = problem->num_groups();
  std::vector<int64_t> sample;
  const int64_t stride = std::clamp<int64_t>(num_groups / 4, 1, kSampledShare);
  for (int64_t group = stride / 2; group < num_groups; group += stride) sample.push_back(group);
  int64_t packable = 0, sampled = 0;
  for (int64_t group = 0; group < num_groups; ++group) packable += problem->Packable(group);
  for (const int64_t group : sample) sampled += problem->Packable(group);
  const double wanted = static_cast<double>(num_blocks) * sampled / packable;
  const int64_t share = std::clamp<int64_t>(std::llround(wanted), 1, sampled);
  Search search(problem, std::move(sample), share);
  search.Run({0, search.highest()});
  const int64_t margin =
      1 + static_cast<int64_t>(search.penalty() / std::sqrt(static_cast<double>(share)));
  return {std::max<int64_t>(search.penalty() - margin, 0),
          std::min(search.penalty() + margin, search.highest())};
}

}  // namespace

Dual MinimiseDual(Problem* problem, int64_t num_blocks) {
  std::vector<int64_t> groups(problem->num_groups());
  for (size_t i = 0; i < groups.size(); ++i) groups[i] = static_cast<int64_t>(i);
  const Pair first_guesses = Estimate(problem, num_blocks);
  Search search(problem, std::move(groups), num_blocks);
  search.Run(first_guesses);
  return search.Result();
}

}  // namespace selection
}  // namespace ubp
