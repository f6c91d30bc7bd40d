// SPDX-License-Identifier: Apache-2.0
// A process that cannot start threads.
#ifndef UBP_TESTS_CPP_NO_MORE_THREADS_H_
#define UBP_TESTS_CPP_NO_MORE_THREADS_H_

#include <pthread.h>

#include <cstdint>

#include "gtest/gtest.h"

namespace ubp {

// As long as it lives, new threads ask for more stack than there are addresses.
class NoMoreThreads {
 public:
  NoMoreThreads() {
    pthread_attr_t attributes;
    EXPECT_EQ(pthread_getattr_default_np(&usual_), 0);
    EXPECT_EQ(pthread_attr_init(&attributes), 0);
    EXPECT_EQ(pthread_attr_setstacksize(&attributes, SIZE_MAX / 4 * 3 & ~size_t{0xFFFF}), 0);
    EXPECT_EQ(pthread_setattr_default_np(&attributes), 0);
    pthread_attr_destroy(&attributes);
  }
  ~NoMoreThreads() {
    EXPECT_EQ(pthread_setattr_default_np(&usual_), 0);
    pthread_attr_destroy(&usual_);
  }
  NoMoreThreads(const NoMoreThreads&) = delete;
  NoMoreThreads& operator=(const NoMoreThreads&) = delete;

 private:
  pthread_attr_t usual_;
};

}  // namespace ubp

#endif  // UBP_TESTS_CPP_NO_MORE_THREADS_H_
