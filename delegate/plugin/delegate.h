// The TfLiteDelegate itself: the shell between the interpreter and the plan.
#ifndef UBP_DELEGATE_PLUGIN_DELEGATE_H_
#define UBP_DELEGATE_PLUGIN_DELEGATE_H_

#include <memory>
#include <mutex>

#include "delegate/cpu/thread_pool.h"
#include "delegate/plugin/options.h"
#include "delegate/plugin/report.h"
#include "tensorflow/lite/core/c/common.h"

namespace ubp {

// Owns the options, and the threads that all parts of a model share. Several interpreters may use
// one delegate, also in several threads at once: they then take turns on its threads.
class Delegate {
 public:
  explicit Delegate(const DelegateOptions& options);

  TfLiteDelegate* tflite_delegate() { return &tflite_delegate_; }
  static Delegate* From(TfLiteDelegate* delegate) {
    return static_cast<Delegate*>(delegate->data_);
  }

  const DelegateOptions& options() const { return options_; }
  // Of the option; null if there is none.
  Report* report() { return report_.get(); }
  // The option, or the interpreter's number, or 1.
  int NumThreads(const TfLiteContext& context) const;
  // A pool of `threads` threads: the last one given out if it has as many, else a new one.
  std::shared_ptr<ThreadPool> Pool(int threads);

 private:
  TfLiteDelegate tflite_delegate_{};
  DelegateOptions options_;
  std::unique_ptr<Report> report_;
  std::mutex mutex_;  // guards pool_
  std::shared_ptr<ThreadPool> pool_;
};

}  // namespace ubp

#endif  // UBP_DELEGATE_PLUGIN_DELEGATE_H_
