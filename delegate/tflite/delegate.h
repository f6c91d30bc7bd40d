// SPDX-License-Identifier: Apache-2.0
// The TfLiteDelegate itself: the shell between the interpreter and a backend.
#ifndef UBP_DELEGATE_TFLITE_DELEGATE_H_
#define UBP_DELEGATE_TFLITE_DELEGATE_H_

#include <map>
#include <memory>

#include "delegate/backend/backend.h"
#include "delegate/base/fork.h"
#include "delegate/base/status.h"
#include "delegate/base/thread_pool.h"
#include "delegate/cache/weight_cache.h"
#include "delegate/tflite/loading.h"
#include "delegate/tflite/model/import.h"
#include "delegate/tflite/options.h"
#include "delegate/tflite/profile.h"
#include "delegate/tflite/report.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// Owns the options, the weight cache, and the threads that all parts of a model share. Several
// interpreters may use one delegate, also in several threads at once: they then take turns on its
// threads. In a forked child it works on, except that the files of the options `report` and
// `profile` stay the parent's.
class Delegate : public std::enable_shared_from_this<Delegate> {
 public:
  // What is made lives until it is released, and longer where parts of models share in it: the
  // interpreter they are in may outlive it. Fails with one sentence where an option names a file that
  // it cannot be meant for, or the device that it asks for cannot be used.
  static Status Make(const DelegateOptions& options, TfLiteDelegate** delegate);
  static void Release(TfLiteDelegate* delegate);

  static Delegate* From(TfLiteDelegate* delegate) {
    return static_cast<Delegate*>(delegate->data_);
  }

  const DelegateOptions& options() const { return options_; }
  const Backend& backend() const { return *backend_; }
  // Of the options; null if there is none.
  Report* report() { return report_.get(); }
  Profile* profile() { return profile_.get(); }
  // The option, or the interpreter's number as far as the option goes, or 1.
  int NumThreads(const TfLiteContext& context) const;
  // A pool made for `threads` threads: the last one given out if that was, else a new one. Where the
  // system starts fewer, it has fewer, which the first one says.
  std::shared_ptr<ThreadPool> Pool(int threads);
  // To be held by whoever takes part in loading a model.
  std::shared_ptr<Loading> StartLoading();

  // What was claimed of the nodes of `context`, while the interpreter makes parts of them: so that
  // weights are looked through once. ClaimsOf only between the other two.
  void HoldClaims(const TfLiteContext* context, Claims claims);
  void DropClaims(const TfLiteContext* context);
  const Claims& ClaimsOf(const TfLiteContext* context);

 private:
  Delegate(const DelegateOptions& options, std::shared_ptr<const Backend> backend,
           std::unique_ptr<WeightCache> cache, std::unique_ptr<Profile> profile);

  TfLiteDelegate tflite_delegate_{};
  DelegateOptions options_;
  std::shared_ptr<const Backend> backend_;
  std::unique_ptr<Report> report_;
  std::unique_ptr<Profile> profile_;
  std::unique_ptr<WeightCache> cache_;  // null: none
  std::shared_ptr<Delegate> self_;      // until it is released
  ForkSafeMutex mutex_;                 // guards what follows, and what a Loading has
  std::shared_ptr<ThreadPool> pool_;
  int pool_made_for_ = 0;  // threads
  bool lacks_threads_ = false;
  std::weak_ptr<Loading> loading_;
  std::map<const TfLiteContext*, Claims> claims_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_DELEGATE_H_
