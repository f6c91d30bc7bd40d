#include "delegate/plugin/delegate.h"

#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "delegate/graph/claim.h"
#include "delegate/plugin/log.h"
#include "delegate/plugin/part.h"

namespace ubp {
namespace {

// The nodes the delegate takes, as a TfLiteIntArray: its length, then its elements.
TfLiteStatus TakenNodes(TfLiteContext* context, std::vector<int>* taken, int* total) {
  TfLiteIntArray* plan = nullptr;
  TF_LITE_ENSURE_STATUS(context->GetExecutionPlan(context, &plan));
  *total = plan->size;
  taken->assign(1, 0);
  for (int i = 0; i < plan->size; ++i) {
    TfLiteNode* node = nullptr;
    TfLiteRegistration* registration = nullptr;
    TF_LITE_ENSURE_STATUS(
        context->GetNodeAndRegistration(context, plan->data[i], &node, &registration));
    if (Claim(*registration)) taken->push_back(plan->data[i]);
  }
  (*taken)[0] = static_cast<int>(taken->size()) - 1;
  return kTfLiteOk;
}

TfLiteStatus Prepare(TfLiteContext* context, TfLiteDelegate* delegate) {
  std::vector<int> taken;
  int total = 0;
  TF_LITE_ENSURE_STATUS(TakenNodes(context, &taken, &total));
  if (taken[0] == 0) {
    Log(LogLevel::kWarning,
        "took none of the model's " + std::to_string(total) +
            " nodes: it has no block-sparse layers; convert a pruned model with 'ubp convert'.");
    return kTfLiteOk;
  }
  if (Delegate::From(delegate)->options().log_info) {
    Log(LogLevel::kInfo, "took " + std::to_string(taken[0]) + " of the model's " +
                             std::to_string(total) + " nodes.");
  }
  return context->ReplaceNodeSubsetsWithDelegateKernels(
      context, PartRegistration(), reinterpret_cast<TfLiteIntArray*>(taken.data()), delegate);
}

}  // namespace

Delegate::Delegate(const DelegateOptions& options) : options_(options) {
  tflite_delegate_.data_ = this;
  tflite_delegate_.Prepare = &Prepare;
  // With this flag the interpreter calls Prepare before it prepares the nodes, which would fail for
  // ops that only a delegate knows.
  tflite_delegate_.flags = kTfLiteDelegateFlagsAllowDynamicTensors;
}

int Delegate::NumThreads(const TfLiteContext& context) const {
  if (options_.num_threads > 0) return options_.num_threads;
  return context.recommended_num_threads > 0 ? context.recommended_num_threads : 1;
}

std::shared_ptr<ThreadPool> Delegate::Pool(int threads) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (pool_ == nullptr || pool_->threads() != threads)
    pool_ = std::make_shared<ThreadPool>(threads);
  return pool_;
}

}  // namespace ubp
