// SPDX-License-Identifier: Apache-2.0
// The report on what a delegate takes of the models it is given, as a JSON file (option `report`).
#ifndef UBP_DELEGATE_TFLITE_REPORT_H_
#define UBP_DELEGATE_TFLITE_REPORT_H_

#include <string>
#include <utility>
#include <vector>

#include "delegate/backend/backend.h"
#include "delegate/base/fork.h"
#include "delegate/base/status.h"
#include "delegate/tflite/json_file.h"
#include "delegate/tflite/model/partition.h"

namespace ubp {

// docs/delegate.md describes the file. Text in it is as the model has it, UTF-8 by TFLite's
// convention. Thread-safe.
class Report {
 public:
  // `backend`, which must outlive the report, runs what is taken.
  Report(std::string path, const Backend& backend)
      : backend_(backend), file_("report", std::move(path)) {}

  // Adds the decisions on one more subgraph, and writes the file. Fails where that cannot be
  // written, or existed before this report did.
  Status Add(const std::vector<NodeDecision>& decisions);

 private:
  Status Write();

  const Backend& backend_;
  ForkSafeMutex mutex_;  // guards what follows
  JsonFile file_;
  std::string subgraphs_;  // JSON arrays, separated by commas
};

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_REPORT_H_
