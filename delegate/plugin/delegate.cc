#include "delegate/plugin/delegate.h"

#include <exception>
#include <string>
#include <vector>

#include "delegate/graph/partition.h"
#include "delegate/plugin/log.h"
#include "delegate/plugin/part.h"

namespace ubp {
namespace {

void LogDecisions(const std::vector<NodeDecision>& decisions) {
  for (const NodeDecision& decision : decisions) {
    const ClaimResult& claim = decision.claim;
    std::string line = claim.label();
    if (!decision.taken) {
      line += ": left, " + decision.reason;
    } else {
      line += claim.choice.pays ? ": taken, " + Describe(claim.choice) : ": taken";
    }
    Log(LogLevel::kInfo, line);
  }
}

void LogTotal(const DelegateOptions& options, size_t taken, size_t nodes) {
  const std::string total = std::to_string(nodes);
  if (taken == 0) {
    const char* const why =
        options.claim.sparse_from_dense
            ? "no layer has enough zeros to gain from them; prune the model first."
            : "it has no block-sparse layers; convert a pruned model with 'ubp convert'.";
    Log(LogLevel::kWarning, "took none of the model's " + total + " nodes: " + why);
  } else if (options.log_info) {
    Log(LogLevel::kInfo, "took " + std::to_string(taken) + " of the model's " + total + " nodes.");
  }
}

// The C++ standard library throws when memory runs out.
TfLiteStatus TakeNodes(TfLiteContext* context, TfLiteDelegate* tflite_delegate) {
  Delegate& delegate = *Delegate::From(tflite_delegate);
  const DelegateOptions& options = delegate.options();
  // The reference knows block-sparse layers only.
  const Take take = options.family == nullptr ? Take::kSparse : options.take;
  std::vector<NodeDecision> decisions;
  TF_LITE_ENSURE_STATUS(DecideNodes(context, take, options.claim, &decisions));
  std::vector<int> taken = {0};  // as a TfLiteIntArray: its length, then its elements
  for (const NodeDecision& decision : decisions) {
    if (decision.taken) taken.push_back(decision.node);
  }
  taken[0] = static_cast<int>(taken.size()) - 1;
  if (options.log_info) LogDecisions(decisions);
  LogTotal(options, taken.size() - 1, decisions.size());
  if (delegate.report() != nullptr) {
    const Status status = delegate.report()->Add(decisions);
    if (!status.ok()) return Fail(context, status.message());
  }
  if (taken[0] == 0) return kTfLiteOk;
  return context->ReplaceNodeSubsetsWithDelegateKernels(
      context, PartRegistration(), reinterpret_cast<TfLiteIntArray*>(taken.data()),
      tflite_delegate);
}

TfLiteStatus Prepare(TfLiteContext* context, TfLiteDelegate* delegate) {
  try {
    return TakeNodes(context, delegate);
  } catch (const std::exception& error) {
    return Fail(context, error.what());
  }
}

}  // namespace

Delegate::Delegate(const DelegateOptions& options) : options_(options) {
  if (!options.report.empty()) {
    report_ = std::make_unique<Report>(options.report, options.kernel_name());
  }
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
