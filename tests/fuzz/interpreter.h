// SPDX-License-Identifier: Apache-2.0
// The interpreter's part in running a model with the delegate, on a FakeModel: it hands nodes over to the delegate, prepares and
// runs the parts that the delegate makes of them, and keeps the memory of all tensors.
//
// It divides nodes as TensorFlow Lite does, and does as little else: nodes that the delegate leaves compute nothing.
#ifndef UBP_TESTS_FUZZ_INTERPRETER_H_
#define UBP_TESTS_FUZZ_INTERPRETER_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "tensorflow/lite/core/c/common.h"
#include "tests/cpp/fake_model.h"

namespace ubp {

class Interpreter : public FakeModel {
 public:
  Interpreter() = default;
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // Model outputs: these tensors, and those that no node reads.
  void SetModelOutputs(std::set<int> tensors) { model_outputs_ = std::move(tensors); }

  // Each is false where the interpreter would tell the user of an error.
  bool ModifyGraphWithDelegate(TfLiteDelegate* delegate);
  bool AllocateTensors();
  bool Invoke();

  // A tensor needs more memory than a test should take, so that AllocateTensors() failed.
  bool too_large() const { return too_large_; }
  // Nodes that the delegate has taken.
  size_t num_taken() const { return num_taken_; }
  // The elements of all tensors that are outputs of a part, in their order.
  std::vector<float> PartOutputs() const;
  const std::string& error() const { return error_; }

 private:
  struct Part {
    std::vector<int> nodes, inputs, outputs;  // as TfLiteIntArrays
    TfLiteNode node{};
  };

  static Interpreter* From(TfLiteContext* context) {
    return static_cast<Interpreter*>(static_cast<FakeModel*>(context->impl_));
  }
  static TfLiteStatus ReplaceNodes(TfLiteContext* context, TfLiteRegistration registration,
                                   const TfLiteIntArray* nodes, TfLiteDelegate* delegate);
  static TfLiteStatus Resize(TfLiteContext* context, TfLiteTensor* tensor, TfLiteIntArray* dims);
  static void ReportError(TfLiteContext* context, const char* format, ...);

  std::vector<std::vector<int>> SubsetsOf(const std::set<int>& taken);
  void MakePart(const std::vector<int>& nodes, TfLiteDelegate* delegate);
  bool Allocate(int tensor);

  std::set<int> model_outputs_;
  bool too_large_ = false;
  TfLiteRegistration registration_{};
  std::deque<Part> parts_;
  std::vector<std::vector<float>> memory_;  // by tensor
  size_t num_taken_ = 0;
  std::string error_;
};

}  // namespace ubp

#endif  // UBP_TESTS_FUZZ_INTERPRETER_H_
