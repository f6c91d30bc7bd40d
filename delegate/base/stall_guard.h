// SPDX-License-Identifier: Apache-2.0
// Decides when help from other threads does not pay: a helper that the system takes off its core in
// the midst of a job, for another process or for good, makes everybody wait for that job.
#ifndef UBP_DELEGATE_BASE_STALL_GUARD_H_
#define UBP_DELEGATE_BASE_STALL_GUARD_H_

#include <algorithm>
#include <chrono>

namespace ubp {

// Keeps account of what helpers gain and lose. When they have lost more than they gained lately,
// loops run without them for a while: longer each time that this happens soon again. So the time
// lost stays a small part of the whole. Not thread-safe.
class StallGuard {
 public:
  using Clock = std::chrono::steady_clock;
  using Duration = Clock::duration;

  // Whether a loop that starts now should do without helpers.
  bool RunsAlone(Clock::time_point now) const { return now < alone_until_; }

  // After a loop with helpers that ended at `now`: its caller did `own_jobs` of all `jobs` in the
  // time `own`, and then waited for the helpers for the time `waited`.
  void OnLoop(int jobs, int own_jobs, Duration own, Duration waited, Clock::time_point now) {
    if (own_jobs == 0) return;  // tells nothing of what the others' jobs would have taken
    const Duration gained = own * (jobs - own_jobs) / own_jobs - waited;
    balance_ = std::min<Duration>(balance_ + gained, kMostSaved);
    if (balance_ < -kMostLost) Pause(now);
  }

 private:
  static constexpr std::chrono::microseconds kMostSaved{200};
  static constexpr std::chrono::microseconds kMostLost{200};
  static constexpr std::chrono::milliseconds kFirstPause{20};
  static constexpr std::chrono::milliseconds kLongestPause{1000};

  void Pause(Clock::time_point now) {
    const bool soon_again = now < alone_until_ + 4 * pause_;
    pause_ = soon_again ? std::min<Duration>(2 * pause_, kLongestPause) : Duration(kFirstPause);
    alone_until_ = now + pause_;
    balance_ = Duration::zero();
  }

  Duration balance_ = Duration::zero();  // gained and not lost again
  Clock::time_point alone_until_{};
  Duration pause_ = kFirstPause;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_BASE_STALL_GUARD_H_
