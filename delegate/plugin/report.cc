#include "delegate/plugin/report.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <locale>
#include <ostream>
#include <sstream>

#include "delegate/plugin/version.h"

namespace ubp {
namespace {

struct Quoted {
  const std::string& text;
};

std::ostream& operator<<(std::ostream& out, const Quoted& quoted) {
  static const char kDigits[] = "0123456789abcdef";
  out << '"';
  for (const char c : quoted.text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      out << "\\u00" << kDigits[c >> 4] << kDigits[c & 15];
    } else {
      if (c == '"' || c == '\\') out << '\\';
      out << c;
    }
  }
  return out << '"';
}

void Print(const NodeDecision& decision, std::ostream& out) {
  const ClaimResult& claim = decision.claim;
  out << "{\"node\": " << decision.node << ", \"op\": " << Quoted{claim.op}
      << ", \"layer\": " << Quoted{claim.layer}
      << ", \"taken\": " << (decision.taken ? "true" : "false")
      << ", \"reason\": " << Quoted{decision.reason};
  if (claim.sparse()) out << ", \"block_size\": " << claim.block_size;
  if (claim.choice.block_size > 0) {
    out << ", \"zeros\": " << claim.choice.zeros << ", \"speedup\": " << claim.choice.speedup;
  }
  out << "}";
}

}  // namespace

Status Report::Add(const std::vector<NodeDecision>& decisions) {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::ostringstream json;
  json.imbue(std::locale::classic());  // a point in numbers, whatever the program has set
  json << (subgraphs_.empty() ? "\n    [" : ",\n    [");
  const char* separator = "\n      ";
  for (const NodeDecision& decision : decisions) {
    json << separator;
    Print(decision, json);
    separator = ",\n      ";
  }
  json << "\n    ]";
  subgraphs_ += json.str();
  return Write();
}

Status Report::Write() {
  std::ostringstream json;
  json << "{\n  \"version\": " << Quoted{UBP_VERSION} << ",\n  \"kernel\": " << Quoted{kernel_}
       << ",\n  \"subgraphs\": [" << subgraphs_ << "\n  ]\n}\n";
  const std::string text = json.str();
  std::FILE* const file = std::fopen(path_.c_str(), created_ ? "w" : "wx");
  if (file == nullptr && errno == EEXIST) {
    return Status::Error("the report '" + path_ + "' exists already; choose another name.");
  }
  created_ = created_ || file != nullptr;
  bool written = file != nullptr && std::fwrite(text.data(), text.size(), 1, file) == 1;
  if (file != nullptr) written = std::fclose(file) == 0 && written;
  if (written) return Status::Ok();
  return Status::Error("the report '" + path_ + "' cannot be written: " + std::strerror(errno) +
                       ".");
}

}  // namespace ubp
