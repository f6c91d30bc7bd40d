// The TfLiteDelegate itself: the shell between the interpreter and the plan.
#ifndef UBP_DELEGATE_PLUGIN_DELEGATE_H_
#define UBP_DELEGATE_PLUGIN_DELEGATE_H_

#include <map>
#include <memory>
#include <mutex>

#include "delegate/cache/weight_cache.h"
#include "delegate/common/status.h"
#include "delegate/cpu/thread_pool.h"
#include "delegate/graph/import.h"
#include "delegate/plugin/loading.h"
#include "delegate/plugin/options.h"
#include "delegate/plugin/profile.h"
#include "delegate/plugin/report.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// Owns the options, the weight cache, and the threads that all parts of a model share. Several
// interpreters may use one delegate, also in several threads at once: they then take turns on its
// threads.
class Delegate {
 public:
  // Fails with one sentence where an option names a file that it cannot be meant for.
  static Status Make(const DelegateOptions& options, std::unique_ptr<Delegate>* delegate);

  TfLiteDelegate* tflite_delegate() { return &tflite_delegate_; }
  static Delegate* From(TfLiteDelegate* delegate) {
    return static_cast<Delegate*>(delegate->data_);
  }

  const DelegateOptions& options() const { return options_; }
  // Of the options; null if there is none.
  Report* report() { return report_.get(); }
  Profile* profile() { return profile_.get(); }
  // The option, or the interpreter's number, or 1.
  int NumThreads(const TfLiteContext& context) const;
  // A pool of `threads` threads: the last one given out if it has as many, else a new one.
  std::shared_ptr<ThreadPool> Pool(int threads);
  // To be held by whoever takes part in loading a model.
  std::shared_ptr<Loading> StartLoading();

  // What was claimed of the nodes of `context`, while the interpreter makes parts of them: so that
  // weights are looked through once. ClaimsOf only between the other two.
  void HoldClaims(const TfLiteContext* context, Claims claims);
  void DropClaims(const TfLiteContext* context);
  const Claims& ClaimsOf(const TfLiteContext* context);

 private:
  Delegate(const DelegateOptions& options, std::unique_ptr<WeightCache> cache,
           std::unique_ptr<Profile> profile);

  TfLiteDelegate tflite_delegate_{};
  DelegateOptions options_;
  std::unique_ptr<Report> report_;
  std::unique_ptr<Profile> profile_;
  std::unique_ptr<WeightCache> cache_;  // null: none
  std::mutex mutex_;                    // guards what follows
  std::shared_ptr<ThreadPool> pool_;
  std::weak_ptr<Loading> loading_;
  std::map<const TfLiteContext*, Claims> claims_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_PLUGIN_DELEGATE_H_
