// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target on every file of the directories named, and on the files named: a target's corpus under any compiler, and inputs
// that it has once failed on. The last name printed is the input that ended the process.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace {

// In the order of their names.
std::set<std::string> FilesOf(const std::string& path) {
  if (!std::filesystem::is_directory(path)) return {path};
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(path))
    files.insert(entry.path().string());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  size_t inputs = 0;
  for (int i = 1; i < argc; ++i) {
    for (const std::string& name : FilesOf(argv[i])) {
      std::ifstream file(name, std::ios::binary);
      if (!file) {
        std::fprintf(stderr, "%s cannot be read\n", name.c_str());
        return 1;
      }
      std::printf("%s\n", name.c_str());
      std::fflush(stdout);
      const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
      // In memory of just its size.
      const std::vector<uint8_t> input(bytes.begin(), bytes.end());
      LLVMFuzzerTestOneInput(input.data(), input.size());
      ++inputs;
    }
  }
  if (inputs == 0) std::fprintf(stderr, "there are no inputs\n");
  return inputs == 0;
}
