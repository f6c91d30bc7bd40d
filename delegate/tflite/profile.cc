// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/profile.h"

#include <locale>
#include <mutex>
#include <sstream>

#include "delegate/tflite/version.h"

namespace ubp {
namespace {

void Print(const StepWork& work, std::ostream& out) {
  out << "{\"kind\": \"" << work.kind << "\", \"operations\": " << work.operations
      << ", \"weight_bytes\": " << work.weight_bytes << ", \"read_bytes\": " << work.read_bytes
      << ", \"written_bytes\": " << work.written_bytes
      << ", \"buffer_read_bytes\": " << work.buffer_read_bytes
      << ", \"buffer_written_bytes\": " << work.buffer_written_bytes
      << ", \"buffer_bytes\": " << work.buffer_bytes << "}";
}

void Print(const StepProfile& step, std::ostream& out) {
  out << "{\"operators\": [";
  const char* separator = "";
  for (const ProfiledOp& op : step.ops) {
    out << separator << "{\"node\": ";
    if (op.node >= 0) {
      out << op.node;
    } else {
      out << "null";
    }
    out << ", \"label\": " << Quoted{op.label} << "}";
    separator = ", ";
  }
  out << "], \"conversion\": " << (step.is_conversion ? "true" : "false")
      << ", \"multiply_adds\": " << step.multiply_adds << ", \"work\": [";
  separator = "";
  for (const StepWork& work : step.work) {
    out << separator;
    Print(work, out);
    separator = ", ";
  }
  out << "], \"runs\": " << step.runs << ", \"total_ns\": " << step.total_ns
      << ", \"min_ns\": " << step.least_ns << "}";
}

}  // namespace

Status Profile::Make(const std::string& path, std::string kernel,
                     std::unique_ptr<Profile>* profile) {
  profile->reset(new Profile(path, std::move(kernel)));
  return (*profile)->Write();
}

Status Profile::Add(const std::vector<StepProfile>& steps, int threads) {
  if (steps.empty() || steps.front().runs == 0) return Status::Ok();
  const std::lock_guard<ForkSafeMutex> lock(mutex_);
  std::ostringstream json;
  json.imbue(std::locale::classic());  // no marks between digits, whatever the program has set
  json << (plans_.empty() ? "" : ",") << "\n    {\"threads\": " << threads << ", \"steps\": [";
  const char* separator = "\n      ";
  for (const StepProfile& step : steps) {
    json << separator;
    Print(step, json);
    separator = ",\n      ";
  }
  json << "\n    ]}";
  plans_ += json.str();
  return Write();
}

Status Profile::Write() {
  std::ostringstream json;
  json << "{\n  \"version\": " << Quoted{UBP_VERSION} << ",\n  \"kernel\": " << Quoted{kernel_}
       << ",\n  \"plans\": [" << plans_ << "\n  ]\n}\n";
  return file_.Write(json.str());
}

}  // namespace ubp
