// Decides when help from other threads does not pay: a helper that the system takes off its core in
// the midst of a job, for another process or for good, makes everybody wait for that job.
#ifndef UBP_DELEGATE_CPU_STALL_GUARD_H_
#define UBP_DELEGATE_CPU_STALL_GUARD_H_

#include <algorithm>
#include <chrono>

namespace ubp {

// After a loop that would have been over sooner without helpers, the next ones run without them for
// a while: longer each time that this happens soon again. So the time lost to stalls stays a small
// part of the whole. Not thread-safe.
class StallGuard {
 public:
  using Clock = std::chrono::steady_clock;
  using Duration = Clock::duration;

  // Whether a loop that starts now should do without helpers.
  bool RunsAlone(Clock::time_point now) const { return now < alone_until_; }

  // Whether a loop is a stall: its caller did `own_jobs` of all `jobs` in the time `own`, and has
  // then been waiting for the helpers for the time `waited`.
  static bool IsStall(int jobs, int own_jobs, Duration own, Duration waited) {
    return own_jobs > 0 && waited > own * (jobs - own_jobs) / own_jobs + kPatience;
  }

  void OnStall(Clock::time_point now) {
    const bool soon_again = now < alone_until_ + 4 * pause_;
    pause_ = soon_again ? std::min<Duration>(2 * pause_, kLongestPause) : Duration(kFirstPause);
    alone_until_ = now + pause_;
  }

 private:
  static constexpr std::chrono::microseconds kPatience{300};
  static constexpr std::chrono::milliseconds kFirstPause{20};
  static constexpr std::chrono::milliseconds kLongestPause{1000};

  Clock::time_point alone_until_{};
  Duration pause_ = kFirstPause;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_STALL_GUARD_H_
