// SPDX-License-Identifier: Apache-2.0
// Code that runs in a forked child.
#ifndef UBP_TESTS_CPP_CHILD_H_
#define UBP_TESTS_CPP_CHILD_H_

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "gtest/gtest.h"

namespace ubp {

// Whether `function` returns in a forked child, within a minute and without a failed expectation.
template <class Function>
testing::AssertionResult SucceedsInChild(const Function& function) {
  std::fflush(nullptr);  // or the child prints it again
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    function();
    std::fflush(nullptr);
    _exit(testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) {
    return testing::AssertionFailure() << "there is no child";
  }
  if (WIFSIGNALED(status)) {
    if (WTERMSIG(status) == SIGALRM) return testing::AssertionFailure() << "the child hangs";
    return testing::AssertionFailure() << "the child died of signal " << WTERMSIG(status);
  }
  if (WEXITSTATUS(status) != 0) return testing::AssertionFailure() << "the child failed";
  return testing::AssertionSuccess();
}

}  // namespace ubp

#endif  // UBP_TESTS_CPP_CHILD_H_
