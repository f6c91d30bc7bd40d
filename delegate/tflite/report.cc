// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/report.h"

#include <locale>
#include <mutex>
#include <ostream>
#include <sstream>

#include "delegate/tflite/version.h"

namespace ubp {
namespace {

void Print(const NodeDecision& decision, const Backend& backend, std::ostream& out) {
  const ClaimResult& claim = decision.claim;
  out << "{\"node\": " << decision.node << ", \"op\": " << Quoted{claim.op}
      << ", \"layer\": " << Quoted{claim.layer}
      << ", \"taken\": " << (decision.taken ? "true" : "false")
      << ", \"reason\": " << Quoted{decision.reason};
  if (decision.taken && claim.graph_op) {
    const std::string kernel = backend.NameFor(*claim.graph_op);
    if (kernel != backend.name()) out << ", \"kernel\": " << Quoted{kernel};
  }
  if (decision.taken ? claim.has_blocks() : claim.sparse())
    out << ", \"block_size\": " << claim.block_size;
  if (claim.choice.block_size > 0) {
    out << ", \"zeros\": " << claim.choice.zeros << ", \"speedup\": " << claim.choice.speedup;
  }
  out << "}";
}

}  // namespace

Status Report::Add(const std::vector<NodeDecision>& decisions) {
  const std::lock_guard<ForkSafeMutex> lock(mutex_);
  std::ostringstream json;
  json.imbue(std::locale::classic());  // a point in numbers, whatever the program has set
  json << (subgraphs_.empty() ? "\n    [" : ",\n    [");
  const char* separator = "\n      ";
  for (const NodeDecision& decision : decisions) {
    json << separator;
    Print(decision, backend_, json);
    separator = ",\n      ";
  }
  json << "\n    ]";
  subgraphs_ += json.str();
  return Write();
}

Status Report::Write() {
  std::ostringstream json;
  json << "{\n  \"version\": " << Quoted{UBP_VERSION}
       << ",\n  \"kernel\": " << Quoted{backend_.name()} << ",\n  \"subgraphs\": [" << subgraphs_
       << "\n  ]\n}\n";
  return file_.Write(json.str());
}

}  // namespace ubp
