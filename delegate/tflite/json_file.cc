// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/json_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace ubp {
namespace {

// Bytes of the UTF-8 character that begins at text[i]; 0 if none does. Neither longer forms than
// needed count, nor surrogates, nor what is beyond U+10FFFF.
size_t CharacterLength(const std::string& text, size_t i) {
  const auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
  const unsigned char first = byte(i);
  if (first < 0x80) return 1;
  if (first < 0xC2 || first > 0xF4) return 0;
  const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (i + length > text.size()) return 0;
  for (size_t k = 1; k < length; ++k) {
    if (byte(i + k) < 0x80 || byte(i + k) > 0xBF) return 0;
  }
  const unsigned char second = byte(i + 1);
  if (first == 0xE0 && second < 0xA0) return 0;
  if (first == 0xED && second > 0x9F) return 0;
  if (first == 0xF0 && second < 0x90) return 0;
  if (first == 0xF4 && second > 0x8F) return 0;
  return length;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Quoted& quoted) {
  static const char kDigits[] = "0123456789abcdef";
  const std::string& text = quoted.text;
  out << '"';
  for (size_t i = 0; i < text.size();) {
    const size_t length = CharacterLength(text, i);
    const char c = text[i];
    if (length == 0) {
      out << "\\ufffd";
    } else if (length == 1 && static_cast<unsigned char>(c) < 0x20) {
      out << "\\u00" << kDigits[c >> 4] << kDigits[c & 15];
    } else {
      if (c == '"' || c == '\\') out << '\\';
      out.write(text.data() + i, static_cast<std::streamsize>(length));
    }
    i += length == 0 ? 1 : length;
  }
  return out << '"';
}

Status JsonFile::Write(const std::string& text) {
  if (made_at_ != ForkCount()) {
    return Status::Error("the " + what_ + " '" + path_ +
                         "' is not written by a forked child: it is its parent's; a delegate made "
                         "after the fork can have one of its own.");
  }
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
