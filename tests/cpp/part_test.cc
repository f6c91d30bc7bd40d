// SPDX-License-Identifier: Apache-2.0
// The delegate and the part of a model that it runs, between the calls of an interpreter.

#include "delegate/tflite/part.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "delegate/tflite/delegate.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/fake_nodes.h"
#include "tests/cpp/no_more_threads.h"
#include "tests/cpp/temporary_directory.h"

namespace ubp {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// An interpreter of the model [1, 6, 8, 4] RELU, all of which goes to the delegate. One at a time.
class Interpreter {
 public:
  explicit Interpreter(TfLiteDelegate* delegate) {
    the_interpreter = this;
    TfLiteContext* const context = Context();
    EXPECT_EQ(delegate->Prepare(context, delegate), kTfLiteOk);
  }
  ~Interpreter() {
    registration_.free(Context(), node_.user_data);
    the_interpreter = nullptr;
  }
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // Of the threads that the interpreter recommends.
  void Allocate(int threads) {
    Context()->recommended_num_threads = threads;
    EXPECT_EQ(registration_.prepare(Context(), &node_), kTfLiteOk);
  }

  void ExpectRuns() {
    std::vector<float> input(6 * 8 * 4), output(input.size(), -1.0f);
    std::iota(input.begin(), input.end(), 0.0f);
    SetData(kInput, &input);
    SetData(kOutput, &output);
    EXPECT_EQ(registration_.invoke(Context(), &node_), kTfLiteOk);
    EXPECT_EQ(output, input);
  }

  // With tensors of so many elements; returns what is reported.
  std::string ErrorWith(size_t inputs, size_t outputs) {
    std::vector<float> input(inputs, 1.0f), output(outputs, -1.0f);
    SetData(kInput, &input);
    SetData(kOutput, &output);
    expects_error_ = true;
    EXPECT_EQ(registration_.invoke(Context(), &node_), kTfLiteError);
    expects_error_ = false;
    EXPECT_EQ(output, std::vector<float>(outputs, -1.0f));
    return error_;
  }

 private:
  static Interpreter* the_interpreter;

  void SetData(int tensor, std::vector<float>* data) {
    model_.tensor(tensor).data.f = data->empty() ? nullptr : data->data();
    model_.tensor(tensor).bytes = sizeof(float) * data->size();
  }

  TfLiteContext* Context() {
    TfLiteContext* const context = model_.context();
    context->ReplaceNodeSubsetsWithDelegateKernels = &ReplaceNodes;
    context->ResizeTensor = &Resize;
    context->ReportError = &ReportError;
    return context;
  }

  static TfLiteStatus ReplaceNodes(TfLiteContext* context, TfLiteRegistration registration,
                                   const TfLiteIntArray* nodes, TfLiteDelegate* delegate) {
    EXPECT_EQ(nodes->size, 1);
    Interpreter& self = *the_interpreter;
    TfLiteDelegateParams params{};
    params.delegate = delegate;
    params.nodes_to_replace = const_cast<TfLiteIntArray*>(nodes);
    params.input_tensors = self.model_.node().inputs;
    params.output_tensors = self.model_.node().outputs;
    self.registration_ = registration;
    self.node_.user_data =
        registration.init(context, reinterpret_cast<const char*>(&params), sizeof(params));
    return self.node_.user_data != nullptr ? kTfLiteOk : kTfLiteError;
  }

  static TfLiteStatus Resize(TfLiteContext*, TfLiteTensor* tensor, TfLiteIntArray* dims) {
    EXPECT_EQ(dims->size, tensor->dims->size);
    std::free(dims);
    return kTfLiteOk;
  }

  static void ReportError(TfLiteContext*, const char* format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    EXPECT_TRUE(the_interpreter->expects_error_) << text;
    the_interpreter->error_ = text;
  }

  FakeModel model_ = ReluModel();
  TfLiteRegistration registration_{};
  TfLiteNode node_{};
  bool expects_error_ = false;
  std::string error_;
};

Interpreter* Interpreter::the_interpreter = nullptr;

TfLiteDelegate* MakeDelegate(const std::string& profile = "") {
  DelegateOptions options;
  options.take = Take::kAll;
  options.log_info = true;
  options.profile = profile;
  TfLiteDelegate* delegate = nullptr;
  const Status status = Delegate::Make(options, &delegate);
  EXPECT_TRUE(status.ok()) << status.message();
  return delegate;
}

// What is logged when an interpreter of this number of threads allocates, and runs.
std::string LogOfThreads(int threads) {
  TfLiteDelegate* const delegate = MakeDelegate();
  testing::internal::CaptureStderr();
  {
    Interpreter interpreter(delegate);
    interpreter.Allocate(threads);
    interpreter.ExpectRuns();
  }
  Delegate::Release(delegate);
  return testing::internal::GetCapturedStderr();
}

TEST(PartTest, OutlivesItsDelegate) {
  const TemporaryDirectory directory;
  TfLiteDelegate* const delegate = MakeDelegate(directory.File("p.json"));
  auto interpreter = std::make_unique<Interpreter>(delegate);
  interpreter->Allocate(2);
  Delegate::Release(delegate);
  interpreter->ExpectRuns();
  interpreter->Allocate(3);
  interpreter->ExpectRuns();
  interpreter = nullptr;
  EXPECT_THAT(directory.Read("p.json"), AllOf(HasSubstr("\"threads\": 2"),  //
                                              HasSubstr("\"threads\": 3")));
}

// As of a constant whose data a damaged file does not have, or of a tensor that two nodes write.
TEST(PartTest, FailsToRunOnTensorsThatAreSmallerThanItPrepared) {
  TfLiteDelegate* const delegate = MakeDelegate();
  {
    Interpreter interpreter(delegate);
    interpreter.Allocate(1);
    EXPECT_THAT(interpreter.ErrorWith(0, 192), HasSubstr(" has 0 bytes, expected 768: "));
    EXPECT_THAT(interpreter.ErrorWith(191, 192), HasSubstr(" has 764 bytes, expected 768: "));
    EXPECT_THAT(interpreter.ErrorWith(192, 191), HasSubstr(" has 764 bytes, expected 768: "));
    interpreter.ExpectRuns();
  }
  Delegate::Release(delegate);
}

TEST(PartTest, TakesTheInterpretersNumberOfThreadsAsFarAsTheOptionGoes) {
  EXPECT_THAT(LogOfThreads(3), HasSubstr(" 3 thread(s)"));
  EXPECT_THAT(LogOfThreads(1'000'000), HasSubstr(" 64 thread(s)"));
  for (const int unknown : {0, -1}) EXPECT_THAT(LogOfThreads(unknown), HasSubstr(" 1 thread(s)"));
}

TEST(PartTest, SaysOnceThatThreadsCannotBeStarted) {
  TfLiteDelegate* const delegate = MakeDelegate();
  const NoMoreThreads limit;
  std::vector<std::string> logs;
  {
    Interpreter interpreter(delegate);
    for (const int threads : {8, 8, 4}) {
      testing::internal::CaptureStderr();
      interpreter.Allocate(threads);
      interpreter.ExpectRuns();
      logs.push_back(testing::internal::GetCapturedStderr());
    }
  }
  Delegate::Release(delegate);
  const std::string warning =
      "UBP delegate: WARNING: the system started 0 of 7 threads; models run with these, and more "
      "slowly: allow the process more threads or memory, or set num_threads to 1.\n";
  EXPECT_THAT(logs[0], AllOf(HasSubstr(warning), HasSubstr(" 1 thread(s)")));
  for (const int again : {1, 2}) {
    EXPECT_THAT(logs[again], AllOf(Not(HasSubstr("WARNING")), HasSubstr(" 1 thread(s)")));
  }
}

}  // namespace
}  // namespace ubp
