// SPDX-License-Identifier: Apache-2.0
// The accelerator's functions, called as LiteRT calls them, and as nobody should.

#include "delegate/tflite/litert_accelerator.h"

#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "delegate/tflite/delegate.h"
#include "delegate/tflite/litert_options.h"
#include "delegate/tflite/thread_record.h"
#include "delegate/tflite/version.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/fake_nodes.h"

namespace ubp {

// A LiteRT of the test's own: what its structs hold is nobody else's business.
namespace litert {

struct OpaqueOptions {
  std::map<std::string, std::vector<char>> texts;  // by id
};
struct Options {
  OpaqueOptions opaque;
};
struct EnvironmentOptions {
  std::map<int, Any> values;
};
struct Environment {
  EnvironmentOptions options;
};
struct DelegateWrapper {
  TfLiteDelegate* delegate = nullptr;
  void (*destroy)(TfLiteDelegate*) = nullptr;
};

}  // namespace litert

namespace {

using ::testing::HasSubstr;

constexpr litert::Status kNotFound = 6;

litert::DelegateWrapper the_wrapper;

litert::Status GetOpaqueOptions(litert::Options* options, litert::OpaqueOptions** opaque) {
  *opaque = options->opaque.texts.empty() ? nullptr : &options->opaque;
  return litert::kOk;
}

litert::Status FindData(litert::OpaqueOptions* opaque, const char* id, void** data) {
  const auto found = opaque->texts.find(id);
  if (found == opaque->texts.end()) return kNotFound;
  *data = found->second.data();
  return litert::kOk;
}

litert::Status GetEnvironmentOptions(litert::Environment* environment,
                                     litert::EnvironmentOptions** options) {
  *options = &environment->options;
  return litert::kOk;
}

litert::Status GetEnvironmentOption(litert::EnvironmentOptions* options, int option,
                                    litert::Any* value) {
  const auto found = options->values.find(option);
  if (found == options->values.end()) return kNotFound;
  *value = found->second;
  return litert::kOk;
}

litert::Status Wrap(TfLiteDelegate* delegate, void (*destroy)(TfLiteDelegate*),
                    litert::DelegateWrapper** wrapper) {
  the_wrapper = {delegate, destroy};
  *wrapper = &the_wrapper;
  return litert::kOk;
}

litert::RuntimeContext Context() {
  litert::RuntimeContext context{};
  context.abi_header = {408, 1, 1, 0};  // as large as LiteRT's own of version 1.1
  context.get_opaque_options = &GetOpaqueOptions;
  context.find_opaque_options_data = &FindData;
  context.get_environment_options = &GetEnvironmentOptions;
  context.get_environment_options_value = &GetEnvironmentOption;
  context.wrap_delegate = &Wrap;
  return context;
}

class LiteRtAcceleratorTest : public testing::Test {
 protected:
  LiteRtAcceleratorTest() {
    the_wrapper = {};
    unsetenv("UBP_DELEGATE_OPTIONS");
  }
  ~LiteRtAcceleratorTest() override {
    Free();
    SetDirectoryOptions("", {});
    SetDirectoryOptions("/models", {});
    unsetenv("UBP_DELEGATE_OPTIONS");
  }

  void SetText(const char* id, const std::string& text) {
    options_.opaque.texts[id] = std::vector<char>(text.c_str(), text.c_str() + text.size() + 1);
  }
  void SetDirectory(const char* path) {
    litert::Any value{litert::kText, {}};
    value.text = path;
    environment_.options.values[litert::kRuntimeLibraryDirectory] = value;
  }

  litert::Status Create() {
    Free();
    litert::DelegateWrapper* wrapper = nullptr;
    return definition_.create_delegate(&context_, &environment_, nullptr, &options_, &wrapper);
  }
  // The options of the delegate that is made.
  const DelegateOptions& Made() {
    EXPECT_EQ(Create(), litert::kOk) << RecordOfThread().error;
    return Delegate::From(the_wrapper.delegate)->options();
  }
  // The sentence with which one is refused.
  std::string Refused(litert::Status expected = litert::kInvalidArgument) {
    const size_t errors = RecordOfThread().errors;
    EXPECT_EQ(Create(), expected);
    EXPECT_EQ(the_wrapper.delegate, nullptr);
    EXPECT_EQ(RecordOfThread().errors, errors + 1);
    return RecordOfThread().error;
  }

  const litert::AcceleratorDefinition definition_ = MakeAcceleratorDefinition();
  litert::RuntimeContext context_ = Context();
  litert::Environment environment_;
  litert::Options options_;

 private:
  static void Free() {
    if (the_wrapper.delegate != nullptr) the_wrapper.destroy(the_wrapper.delegate);
    the_wrapper = {};
  }
};

TEST_F(LiteRtAcceleratorTest, SaysWhatItIs) {
  EXPECT_EQ(definition_.abi_header.struct_size, sizeof(litert::AcceleratorDefinition));
  EXPECT_EQ(definition_.abi_header.major_version, 1);
  EXPECT_EQ(definition_.buffer_handlers.abi_header.struct_size, sizeof(litert::BufferHandlers));
  EXPECT_EQ(definition_.buffer_handlers.num_buffer_types, 0u);
  const char* name = nullptr;
  EXPECT_EQ(definition_.get_name(nullptr, &name), litert::kOk);
  EXPECT_STREQ(name, "UbpAccelerator");
  litert::Version version{};
  EXPECT_EQ(definition_.get_version(nullptr, &version), litert::kOk);
  EXPECT_EQ(std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
                std::to_string(version.patch),
            UBP_VERSION);
  litert::Hardware hardware = 0;
  EXPECT_EQ(definition_.get_hardware_support(nullptr, &hardware), litert::kOk);
  EXPECT_EQ(hardware, litert::kCpu);
  bool compiles = false;
  EXPECT_EQ(definition_.compiles_in_delegate(nullptr, &compiles), litert::kOk);
  EXPECT_TRUE(compiles) << "or else it is applied to models for other processors";
}

TEST_F(LiteRtAcceleratorTest, NoPlaceForAnAnswerIsAnError) {
  EXPECT_EQ(definition_.get_name(nullptr, nullptr), litert::kInvalidArgument);
  EXPECT_EQ(definition_.get_version(nullptr, nullptr), litert::kInvalidArgument);
  EXPECT_EQ(definition_.get_hardware_support(nullptr, nullptr), litert::kInvalidArgument);
  EXPECT_EQ(definition_.compiles_in_delegate(nullptr, nullptr), litert::kInvalidArgument);
  EXPECT_EQ(definition_.create_delegate(&context_, &environment_, nullptr, &options_, nullptr),
            litert::kInvalidArgument);
}

TEST_F(LiteRtAcceleratorTest, ADelegateWithTheDefaults) {
  const size_t requests = RecordOfThread().requests;
  const DelegateOptions& options = Made();
  EXPECT_EQ(options.num_threads, 0);
  EXPECT_EQ(options.take, Take::kAuto);
  EXPECT_EQ(RecordOfThread().requests, requests + 1);
  litert::DelegateWrapper* wrapper = nullptr;
  EXPECT_EQ(definition_.create_delegate(&context_, nullptr, nullptr, nullptr, &wrapper),
            litert::kOk)
      << "neither options nor an environment";
}

TEST_F(LiteRtAcceleratorTest, AnotherLiteRtIsRefused) {
  EXPECT_EQ(definition_.create_delegate(nullptr, &environment_, nullptr, &options_, nullptr),
            litert::kWrongVersion);
  EXPECT_THAT(RecordOfThread().error, HasSubstr("without a context"));
  context_.abi_header = {sizeof(litert::RuntimeContext) - 8, 1, 0, 0};
  EXPECT_THAT(Refused(litert::kWrongVersion), HasSubstr("expected version 1 and at least "));
  context_.abi_header = {408, 2, 0, 0};
  EXPECT_THAT(Refused(litert::kWrongVersion), HasSubstr("of version 2 and 408 bytes"));
  context_.abi_header = {0x1234, 0x5678, 0x9abc, 0};  // 2.1 has a function's address there
  EXPECT_THAT(Refused(litert::kWrongVersion), HasSubstr("or the interpreter."));
  context_ = Context();
  context_.abi_header.struct_size = sizeof(litert::RuntimeContext);
  EXPECT_EQ(Create(), litert::kOk);
  context_.find_opaque_options_data = nullptr;
  EXPECT_THAT(Refused(litert::kWrongVersion), HasSubstr("lacks functions"));
}

TEST_F(LiteRtAcceleratorTest, ThreadsOfLiteRtsOwnOptions) {
  SetText("xnnpack", "kernel_mode = 0\nnum_threads = 2\nflags = 8\n");
  EXPECT_EQ(Made().num_threads, 2);
  SetText("cpu_options", "num_threads=3");
  EXPECT_EQ(Made().num_threads, 3) << "of LiteRT 2.4";
  for (const char* text : {"", "num_threads", "num_threads = ", "num_threads = -2", "threads = 2",
                           "num_threads = 0", "my_num_threads = 5", "\n\n\xff\x01"}) {
    SetText("cpu_options", text);
    EXPECT_EQ(Made().num_threads, 2) << text;
  }
  SetText("cpu_options", "num_threads = 99999999999999999999");
  EXPECT_EQ(Made().num_threads, kMaxThreads);
}

TEST_F(LiteRtAcceleratorTest, TheLastWordOnAnOptionCounts) {
  SetDirectory("/models");
  SetText("xnnpack", "num_threads = 2");
  setenv("UBP_DELEGATE_OPTIONS", "num_threads:3;log:info;", 1);
  EXPECT_EQ(Made().num_threads, 3);
  SetDirectoryOptions("", {{"num_threads", "4"}, {"take", "sparse"}});
  EXPECT_EQ(Made().num_threads, 4);
  SetDirectoryOptions("/models", {{"num_threads", "5"}});
  EXPECT_EQ(Made().num_threads, 5);
  SetText("ubp", "num_threads:6;weight_cache:/models/a:b.cache");
  const DelegateOptions& options = Made();
  EXPECT_EQ(options.num_threads, 6);
  EXPECT_TRUE(options.log_info);
  EXPECT_EQ(options.take, Take::kSparse);
  EXPECT_EQ(options.weight_cache, "/models/a:b.cache");
  SetDirectory("/others");
  options_ = {};
  EXPECT_EQ(Made().num_threads, 4) << "options are those of one directory";
}

TEST_F(LiteRtAcceleratorTest, OptionsThatAreNoneAreRefusedInOneSentence) {
  SetText("ubp", "nonsense");
  EXPECT_EQ(
      Refused(),
      "the text of LiteRT's options with the id 'ubp' is 'nonsense', expected options such as "
      "num_threads:2;log:info.");
  SetText("ubp", "take:all;take:auto");
  EXPECT_THAT(Refused(), HasSubstr("gives the delegate option 'take' twice."));
  SetText("ubp", "threads:2");
  EXPECT_THAT(Refused(), HasSubstr("the delegate has no option 'threads'"));
  SetText("ubp", "num_threads:0");
  EXPECT_THAT(Refused(), HasSubstr("'num_threads' is '0', expected a number from 1 to 64."));
  SetText("ubp", ";;;");
  EXPECT_EQ(Create(), litert::kOk);
  SetText("ubp", "\xff\xfe:\x01");
  EXPECT_THAT(Refused(), HasSubstr("has no option"));
  setenv("UBP_DELEGATE_OPTIONS", "num_threads", 1);
  EXPECT_THAT(Refused(), HasSubstr("the variable UBP_DELEGATE_OPTIONS is 'num_threads'"));
}

TEST_F(LiteRtAcceleratorTest, ATextWithoutAnEndIsNotReadForEver) {
  options_.opaque.texts["ubp"] = std::vector<char>((1 << 16) + 8, 'x');
  EXPECT_THAT(Refused(), HasSubstr("has 65536 characters or more"));
}

TEST_F(LiteRtAcceleratorTest, AnEnvironmentsDirectoryMayBeAnything) {
  SetDirectoryOptions("/models", {{"num_threads", "5"}});
  environment_.options.values[litert::kRuntimeLibraryDirectory] = {2, {}};
  EXPECT_EQ(Made().num_threads, 0);
  SetDirectory(nullptr);
  EXPECT_EQ(Made().num_threads, 0);
}

TEST_F(LiteRtAcceleratorTest, ADelegateThatIsNotTakenIsFreed) {
  context_.wrap_delegate = [](TfLiteDelegate*, void (*)(TfLiteDelegate*),
                              litert::DelegateWrapper**) { return litert::kRuntimeFailure; };
  EXPECT_THAT(Refused(litert::kRuntimeFailure), HasSubstr("(status 3)"));
}

TEST_F(LiteRtAcceleratorTest, NodesAreCountedForTheThread) {
  FakeModel model = ReluModel();
  SetText("ubp", "take:all");
  ASSERT_EQ(Create(), litert::kOk);
  EXPECT_EQ(RecordOfThread().nodes, 0u);
  TfLiteContext* const context = model.context();
  context->ReplaceNodeSubsetsWithDelegateKernels = [](TfLiteContext*, TfLiteRegistration,
                                                      const TfLiteIntArray*,
                                                      TfLiteDelegate*) { return kTfLiteOk; };
  EXPECT_EQ(the_wrapper.delegate->Prepare(context, the_wrapper.delegate), kTfLiteOk);
  EXPECT_EQ(RecordOfThread().nodes, 1u);
  EXPECT_EQ(RecordOfThread().nodes_taken, 1u);
  ASSERT_EQ(Create(), litert::kOk);
  EXPECT_EQ(RecordOfThread().nodes, 0u);
}

}  // namespace
}  // namespace ubp
