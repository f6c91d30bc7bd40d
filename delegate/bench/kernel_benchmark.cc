// SPDX-License-Identifier: Apache-2.0
// Times single convolution layers: reads commands (commands.h) from standard input, and writes
// their answers to standard output. `./run bench kernels` is its user.

#include <iostream>
#include <string>

#include "delegate/bench/commands.h"

int main() {
  ubp::Commands commands;
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << commands.Execute(line) << std::endl;
  }
  return 0;
}
