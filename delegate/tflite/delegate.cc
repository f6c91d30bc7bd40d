// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/delegate.h"

#include <algorithm>
#include <exception>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "delegate/cpu/costs.h"
#include "delegate/cpu/cpu_backend.h"
#include "delegate/opencl/faster_backend.h"
#include "delegate/opencl/int8_on_cpu.h"
#include "delegate/opencl/opencl_backend.h"
#include "delegate/tflite/log.h"
#include "delegate/tflite/model/partition.h"
#include "delegate/tflite/part.h"
#include "delegate/tflite/summary.h"
#include "delegate/tflite/thread_record.h"

namespace ubp {
namespace {

void LogDecisions(const std::vector<NodeDecision>& decisions) {
  for (const NodeDecision& decision : decisions) {
    const ClaimResult& claim = decision.claim;
    std::string line = claim.label();
    if (!decision.taken) {
      line += ": left, " + decision.reason;
    } else {
      line += claim.choice.gains ? ": taken, " + DescribeBlocks(claim.choice) : ": taken";
    }
    Log(LogLevel::kInfo, line);
  }
}

// A subgraph without layers is no reason for a warning: it may be the condition of a loop, or call the
// subgraphs that have them.
void LogTotal(const DelegateOptions& options, const std::vector<NodeDecision>& decisions) {
  size_t taken = 0;
  size_t layers = 0;
  for (const NodeDecision& decision : decisions) {
    taken += decision.taken;
    layers += decision.claim.layer_op;
  }
  const std::string total = std::to_string(decisions.size());
  if (taken == 0 && layers > 0) {
    Log(LogLevel::kWarning, "took none of the model's " + total + " nodes: " +
                                WhyLayersAreLeft(decisions, options.claim.sparse_from_dense));
  } else if (options.log_info) {
    Log(LogLevel::kInfo, "took " + std::to_string(taken) + " of the model's " + total + " nodes.");
  }
}

// Hands the claims on to the parts that the interpreter makes in its lifetime.
class ClaimsForParts {
 public:
  ClaimsForParts(Delegate* delegate, const TfLiteContext* context,
                 const std::vector<NodeDecision>& decisions, const DecodedTensors& decoded)
      : delegate_(delegate), context_(context) {
    Claims claims;
    for (const NodeDecision& decision : decisions) claims.nodes[decision.node] = decision.claim;
    claims.decoded = decoded;
    delegate_->HoldClaims(context_, std::move(claims));
  }
  ~ClaimsForParts() { delegate_->DropClaims(context_); }
  ClaimsForParts(const ClaimsForParts&) = delete;
  ClaimsForParts& operator=(const ClaimsForParts&) = delete;

 private:
  Delegate* delegate_;
  const TfLiteContext* context_;
};

// The C++ standard library throws when memory runs out.
TfLiteStatus TakeNodes(TfLiteContext* context, TfLiteDelegate* tflite_delegate) {
  Delegate& delegate = *Delegate::From(tflite_delegate);
  const DelegateOptions& options = delegate.options();
  const std::shared_ptr<Loading> loading = delegate.StartLoading();
  DecodedTensors decoded_tensors;
  TF_LITE_ENSURE_STATUS(FindDecodedTensors(context, &decoded_tensors));
  DecodedConstants decoded(decoded_tensors);
  ClaimOptions claim_options = options.claim;
  claim_options.decoded = &decoded;
  std::vector<NodeDecision> decisions;
  TF_LITE_ENSURE_STATUS(DecideNodes(context, options.take, claim_options, &decisions));
  std::vector<int> taken = {0};  // as a TfLiteIntArray: its length, then its elements
  for (const NodeDecision& decision : decisions) {
    if (decision.taken) taken.push_back(decision.node);
  }
  taken[0] = static_cast<int>(taken.size()) - 1;
  RecordOfThread().nodes += decisions.size();
  RecordOfThread().nodes_taken += taken.size() - 1;
  if (options.log_info) LogDecisions(decisions);
  LogTotal(options, decisions);
  if (delegate.report() != nullptr) {
    const Status status = delegate.report()->Add(decisions);
    if (!status.ok()) return Fail(context, status.message());
  }
  if (taken[0] == 0) return kTfLiteOk;
  const ClaimsForParts claims(&delegate, context, decisions, decoded_tensors);
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

void Tell(const std::string& sentence, bool is_warning, bool log_info) {
  if (is_warning) Log(LogLevel::kWarning, sentence);
  if (!is_warning && log_info) Log(LogLevel::kInfo, sentence);
}

Status MakeBackend(const DelegateOptions& options, std::shared_ptr<const Backend>* backend) {
  using Choice = DelegateOptions::BackendChoice;
  std::shared_ptr<const Backend> cpu = MakeCpuBackend(options.isa, options.rules);
  opencl::BackendOptions device;
  device.device = options.gpu_device;
  device.cache_directory = options.gpu_cache;
  device.precision = options.precision;
  device.tune = options.gpu_tune;
  device.rules = options.rules;
  device.xnnpack = &CpuCosts();
  if (options.backend == Choice::kGpu) {
    std::shared_ptr<const Backend> gpu;
    const Status status = opencl::MakeOpenClBackend(device, &gpu);
    if (!status.ok()) return Status::Error("backend=gpu: " + status.message());
    *backend = opencl::MakeInt8OnCpu(std::move(gpu), std::move(cpu));
    return Status::Ok();
  }
  *backend = std::move(cpu);
  if (options.backend == Choice::kCpu) return Status::Ok();
  opencl::FasterOptions faster;
  faster.device = device;
  faster.tell = [log_info = options.log_info](const std::string& sentence, bool is_warning) {
    Tell(sentence, is_warning, log_info);
  };
  *backend = opencl::MakeFasterBackend(std::move(*backend), faster);
  return Status::Ok();
}

}  // namespace

Status Delegate::Make(const DelegateOptions& options, TfLiteDelegate** delegate) {
  std::shared_ptr<const Backend> backend;
  UBP_RETURN_IF_ERROR(MakeBackend(options, &backend));
  std::unique_ptr<WeightCache> cache;
  if (!options.weight_cache.empty()) {
    UBP_RETURN_IF_ERROR(WeightCache::Open(options.weight_cache, &cache));
  }
  std::unique_ptr<Profile> profile;
  if (!options.profile.empty()) {
    UBP_RETURN_IF_ERROR(Profile::Make(options.profile, backend->name(), &profile));
  }
  std::shared_ptr<Delegate> made(
      new Delegate(options, std::move(backend), std::move(cache), std::move(profile)));
  *delegate = &made->tflite_delegate_;
  From(*delegate)->self_ = std::move(made);
  return Status::Ok();
}

void Delegate::Release(TfLiteDelegate* delegate) {
  const std::shared_ptr<Delegate> self = std::move(From(delegate)->self_);
}

Delegate::Delegate(const DelegateOptions& options, std::shared_ptr<const Backend> backend,
                   std::unique_ptr<WeightCache> cache, std::unique_ptr<Profile> profile)
    : options_(options),
      backend_(std::move(backend)),
      profile_(std::move(profile)),
      cache_(std::move(cache)) {
  options_.claim.backend = backend_.get();
  options_.claim.cache = cache_.get();
  if (!options.report.empty()) {
    report_ = std::make_unique<Report>(options.report, *backend_);
  }
  tflite_delegate_.data_ = this;
  tflite_delegate_.Prepare = &Prepare;
  // With this flag the interpreter calls Prepare before it prepares the nodes, which would fail for
  // ops that only a delegate knows.
  tflite_delegate_.flags = kTfLiteDelegateFlagsAllowDynamicTensors;
}

int Delegate::NumThreads(const TfLiteContext& context) const {
  if (options_.num_threads > 0) return options_.num_threads;
  return std::clamp(context.recommended_num_threads, 1, kMaxThreads);  // -1: any
}

std::shared_ptr<ThreadPool> Delegate::Pool(int threads) {
  std::lock_guard<ForkSafeMutex> lock(mutex_);
  if (pool_made_for_ == threads) return pool_;
  pool_ = std::make_shared<ThreadPool>(threads);
  pool_made_for_ = threads;
  if (pool_->threads() < threads && !lacks_threads_) {
    lacks_threads_ = true;
    Log(LogLevel::kWarning, "the system started " + std::to_string(pool_->threads() - 1) + " of " +
                                std::to_string(threads - 1) +
                                " threads; models run with these, and more slowly: allow the "
                                "process more threads or memory, or set num_threads to " +
                                std::to_string(pool_->threads()) + ".");
  }
  return pool_;
}

std::shared_ptr<Loading> Delegate::StartLoading() {
  std::lock_guard<ForkSafeMutex> lock(mutex_);
  std::shared_ptr<Loading> loading = loading_.lock();
  if (loading == nullptr) {
    loading = std::make_shared<Loading>(cache_.get(), options_.log_info, &mutex_);
    loading_ = loading;
  }
  return loading;
}

void Delegate::HoldClaims(const TfLiteContext* context, Claims claims) {
  std::lock_guard<ForkSafeMutex> lock(mutex_);
  claims_[context] = std::move(claims);
}

void Delegate::DropClaims(const TfLiteContext* context) {
  std::lock_guard<ForkSafeMutex> lock(mutex_);
  claims_.erase(context);
}

const Claims& Delegate::ClaimsOf(const TfLiteContext* context) {
  std::lock_guard<ForkSafeMutex> lock(mutex_);
  return claims_.at(context);
}

}  // namespace ubp
