#include "delegate/plugin/json_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace ubp {

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

Status JsonFile::Write(const std::string& text) {
  std::FILE* const file = std::fopen(path_.c_str(), created_ ? "w" : "wx");
  if (file == nullptr && errno == EEXIST) {
    return Status::Error("the " + what_ + " '" + path_ + "' exists already; choose another name.");
  }
  created_ = created_ || file != nullptr;
  bool written = file != nullptr && std::fwrite(text.data(), text.size(), 1, file) == 1;
  if (file != nullptr) written = std::fclose(file) == 0 && written;
  if (written) return Status::Ok();
  return Status::Error("the " + what_ + " '" + path_ +
                       "' cannot be written: " + std::strerror(errno) + ".");
}

}  // namespace ubp
