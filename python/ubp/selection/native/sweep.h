// SPDX-License-Identifier: Apache-2.0
// The best blocks of the lanes of a group when every block costs the same penalty. See kernels.h
// for the contract, and ubp/selection/layer/lane_program.py for the same in NumPy.
//
// With s[i] the score of the block that starts at channel i and p the penalty, the best net value
// of a lane's first i channels is V[i] = max(V[i-1], V[i-N] + s[i-N] - p). What the programme needs
// of V are its increments, the gains g[i] = V[i+N] - V[i+N-1] >= 0, and the threshold
//
//     T[i] = p + g[i-N+1] + .. + g[i-1]
//
// that a block starting at i has to exceed: its penalty, and what the channels under it have earned
// without it. The recurrence becomes
//
//     y = max(s[i], T[i]);    g[i] = y - T[i];    T[i+1] = y - g[i-N+1]
//
// whose numbers stay below twice the largest score, for lanes of any length.
//
// Ties. A lane's best value with c blocks is concave in c with integer differences, so the best
// number of blocks changes at integer penalties only, and there is but one for a penalty between
// lambda - 1 and lambda: that of the optimum at lambda with the most blocks. Everything is doubled,
// so that p = 2 * lambda - 1 is such a penalty. Of solutions that are equal even so, the trace
// keeps the one that, seen from the lane's end, leaves a channel out wherever that is possible.
#ifndef UBP_SELECTION_NATIVE_SWEEP_H_
#define UBP_SELECTION_NATIVE_SWEEP_H_

#include "python/ubp/selection/native/kernels.h"
#include "python/ubp/selection/native/vectors.h"

namespace ubp {
namespace selection {
namespace {

// The recurrence at one penalty, start after start.
template <class V>
struct Recurrence {
  using I32 = typename V::I32;

  UBP_ALWAYS_INLINE void Begin(int32_t penalty, int32_t* gains, int64_t block_size) {
    threshold = V::Broadcast(penalty);
    ring = gains;
    for (int64_t i = 0; i < block_size; ++i) V::Store(ring + i * V::kWidth, I32{});
  }

  // Returns the gain; `slot` is the start's place in the ring, `next` the following start's.
  UBP_ALWAYS_INLINE I32 Step(I32 score, int64_t slot, int64_t next) {
    const I32 best = V::Max(score, threshold);
    const I32 gain = best - threshold;
    V::Store(ring + slot * V::kWidth, gain);
    threshold = best - V::Load(ring + next * V::kWidth);
    return gain;
  }

  I32 threshold;
  int32_t* ring;  // [block_size][width], gains of the last starts, at their number modulo N
};

// The recurrence with the number of blocks and their net value.
template <class V>
struct CountingRecurrence {
  using I32 = typename V::I32;
  using U32 = typename V::U32;
  using U64 = typename V::U64;

  // `rings` is [2][block_size][width].
  UBP_ALWAYS_INLINE void Begin(int32_t penalty, int32_t* rings, int64_t block_size) {
    recurrence.Begin(penalty, rings, block_size);
    ring = rings + block_size * V::kWidth;
    for (int64_t i = 0; i < block_size; ++i) V::Store(ring + i * V::kWidth, I32{});
    count = I32{};
    gain = U32{};
    value = U64{};
  }

  UBP_ALWAYS_INLINE void Step(I32 score, int64_t slot, int64_t next) {
    const I32 taken = score > recurrence.threshold;
    gain += (U32)recurrence.Step(score, slot, next);
    count = taken ? V::Load(ring + slot * V::kWidth) + 1 : count;
    V::Store(ring + slot * V::kWidth, count);
  }

  // To be called at least every N steps: the gains of N starts are below 2^32, as they replace at
  // most two blocks by others.
  UBP_ALWAYS_INLINE void FlushGain() {
    const U64 pairs = (U64)gain;
    value += (pairs & 0xFFFFFFFF) + (pairs >> 32);
    gain = U32{};
  }

  Recurrence<V> recurrence;
  int32_t* ring;  // counts up to the last starts, like the gains
  I32 count;
  U32 gain;
  U64 value;
};

// Counts and values at kPoints penalties.
template <class V, int kPoints>
struct Sweep {
  static void Run(const SweepArgs& args) {
    const int64_t n = args.block_size;
    CountingRecurrence<V> points[kPoints];
    for (int p = 0; p < kPoints; ++p) {
      points[p].Begin(args.penalties[p], args.rings + 2 * p * n * V::kWidth, n);
    }
    const int32_t* scores = args.scores;
    for (int64_t left = args.starts; left > 0; left -= n) {
      const int64_t steps = left < n ? left : n;
      for (int64_t slot = 0; slot < steps; ++slot, scores += V::kWidth) {
        const int64_t next = slot + 1 == n ? 0 : slot + 1;
        for (auto& point : points) point.Step(V::Load(scores), slot, next);
      }
      for (auto& point : points) point.FlushGain();
    }
    for (int p = 0; p < kPoints; ++p) {
      args.results[p] = {V::Sum(points[p].count), V::Sum(points[p].value)};
    }
  }
};

// The blocks themselves.
template <class V>
struct Trace {
  using I32 = typename V::I32;

  static void Run(const TraceArgs& args) {
    MarkBetterTaken(args);
    KeepFromTheEnd(args);
  }

 private:
  // Sets the bits of the starts at which taking the block is better than leaving its last channel
  // out.
  static void MarkBetterTaken(const TraceArgs& args) {
    Recurrence<V> recurrence;
    recurrence.Begin(args.penalty, args.ring, args.block_size);
    const int32_t* scores = args.scores;
    int64_t slot = 0;
    for (int64_t first = 0; first < args.starts; first += kWordStarts) {
      const int64_t left = args.starts - first;
      const int bits = left < kWordStarts ? static_cast<int>(left) : kWordStarts;
      I32 word = {};
      for (int bit = 0; bit < bits; ++bit, scores += V::kWidth) {
        const I32 score = V::Load(scores);
        word |= (score > recurrence.threshold) & static_cast<int32_t>(uint32_t{1} << bit);
        const int64_t next = slot + 1 == args.block_size ? 0 : slot + 1;
        recurrence.Step(score, slot, next);
        slot = next;
      }
      V::Store(args.words + first / kWordStarts * V::kWidth, word);
    }
  }

  // A block is kept if it is marked and ends where the walk from the lane's end has come to, or
  // before.
  static void KeepFromTheEnd(const TraceArgs& args) {
    const int32_t n = static_cast<int32_t>(args.block_size);
    I32 free_from = V::Broadcast(static_cast<int32_t>(args.starts));
    int32_t start = static_cast<int32_t>(args.starts) - 1;
    while (start >= 0) {
      int32_t* const place = args.words + start / kWordStarts * V::kWidth;
      const I32 marked = V::Load(place);
      I32 kept = {};
      for (int bit = start % kWordStarts; bit >= 0; --bit, --start) {
        const I32 mask = V::Broadcast(static_cast<int32_t>(uint32_t{1} << bit));
        const I32 keep = ((marked & mask) != 0) & (free_from > start);
        kept |= keep & mask;
        free_from = keep ? V::Broadcast(start - n + 1) : free_from;
      }
      V::Store(place, kept);
    }
  }
};

}  // namespace
}  // namespace selection
}  // namespace ubp

#endif  // UBP_SELECTION_NATIVE_SWEEP_H_
