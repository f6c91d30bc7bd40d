// SPDX-License-Identifier: Apache-2.0
// Changes to the models of single nodes, and the reasons why a node is then left.
#ifndef UBP_TESTS_CPP_CLAIM_CHANGES_H_
#define UBP_TESTS_CPP_CLAIM_CHANGES_H_

#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/fake_model.h"

namespace ubp {

using Apply = std::function<void(FakeModel&)>;

// A change to a model, and a part of the reason why its node is left; nothing
// where it is taken all the same.
struct Change {
  FakeModel (*make)();
  Apply apply;
  std::string reason;
};

inline void Check(const std::vector<Change>& changes) {
  for (size_t i = 0; i < changes.size(); ++i) {
    FakeModel model = changes[i].make();
    changes[i].apply(model);
    const ClaimResult claim = model.ClaimNode();
    const bool taken = changes[i].reason.empty();
    EXPECT_EQ(claim.type().has_value(), taken) << "change " << i;
    EXPECT_EQ(claim.reason.empty(), taken) << "change " << i;
    EXPECT_THAT(claim.reason, ::testing::HasSubstr(changes[i].reason)) << "change " << i;
  }
}

template <typename Params, typename Field, typename Value>
Apply With(Field Params::*field, Value value) {
  return [=](FakeModel& model) { model.params<Params>().*field = static_cast<Field>(value); };
}

inline Apply WithDims(int index, const Dims& dims) {
  return [=](FakeModel& model) { model.SetDims(index, dims); };
}

inline Apply WithSignature(int index, const Dims& dims) {
  return [=](FakeModel& model) { model.SetSignature(index, dims); };
}

template <typename Field, typename Value>
Apply WithTensor(int index, Field TfLiteTensor::*field, Value value) {
  return [=](FakeModel& model) { model.tensor(index).*field = static_cast<Field>(value); };
}

}  // namespace ubp

#endif  // UBP_TESTS_CPP_CLAIM_CHANGES_H_
