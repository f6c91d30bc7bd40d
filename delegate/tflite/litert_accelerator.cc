// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/litert_accelerator.h"

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "delegate/base/status.h"
#include "delegate/tflite/delegate.h"
#include "delegate/tflite/litert_options.h"
#include "delegate/tflite/log.h"
#include "delegate/tflite/options.h"
#include "delegate/tflite/thread_record.h"
#include "delegate/tflite/ubp_delegate.h"
#include "delegate/tflite/version.h"

namespace ubp {
namespace {

constexpr char kOptionsVariable[] = "UBP_DELEGATE_OPTIONS";
// Of LiteRT's options for CPUs: in 2.4, and in 2.2 and 2.3.
constexpr const char* kCpuOptionsIds[] = {"cpu_options", "xnnpack"};
// No text of options is as long; what has another form there is not read any further.
constexpr size_t kMaxText = 1 << 16;

litert::Status GetName(const litert::Accelerator*, const char** name) {
  if (name == nullptr) return litert::kInvalidArgument;
  *name = "UbpAccelerator";
  return litert::kOk;
}

litert::Status GetVersion(const litert::Accelerator*, litert::Version* version) {
  if (version == nullptr) return litert::kInvalidArgument;
  char* rest = nullptr;
  version->major = static_cast<int>(std::strtol(UBP_VERSION, &rest, 10));
  version->minor = static_cast<int>(std::strtol(rest + 1, &rest, 10));
  version->patch = static_cast<int>(std::strtol(rest + 1, nullptr, 10));
  return litert::kOk;
}

litert::Status GetHardwareSupport(const litert::Accelerator*, litert::Hardware* hardware) {
  if (hardware == nullptr) return litert::kInvalidArgument;
  *hardware = litert::kCpu;
  return litert::kOk;
}

litert::Status CompilesInDelegate(const litert::Accelerator*, bool* compiles) {
  if (compiles == nullptr) return litert::kInvalidArgument;
  *compiles = true;  // or else models compiled for other processors would get the delegate, too
  return litert::kOk;
}

Status CheckContext(const litert::RuntimeContext* context) {
  if (context == nullptr)
    return Status::Error("LiteRT has asked for a delegate without a context.");
  const litert::AbiHeader& header = context->abi_header;
  if (header.major_version != litert::kMajorVersion ||
      header.struct_size < sizeof(litert::RuntimeContext)) {
    return Status::Error("this LiteRT has an interface for accelerators of version " +
                         std::to_string(header.major_version) + " and " +
                         std::to_string(header.struct_size) + " bytes, expected version " +
                         std::to_string(litert::kMajorVersion) + " and at least " +
                         std::to_string(sizeof(litert::RuntimeContext)) +
                         ", as LiteRT 2.2 has: use that or a later 2.x, or the interpreter.");
  }
  if (context->get_opaque_options == nullptr || context->find_opaque_options_data == nullptr ||
      context->get_environment_options == nullptr ||
      context->get_environment_options_value == nullptr || context->wrap_delegate == nullptr) {
    return Status::Error("this LiteRT lacks functions that its accelerators need.");
  }
  return Status::Ok();
}

// The text under an id in the options of a model; empty where there is none.
std::string OptionsText(const litert::RuntimeContext& context, litert::Options* options,
                        const char* id) {
  litert::OpaqueOptions* opaque = nullptr;
  void* data = nullptr;
  if (options == nullptr || context.get_opaque_options(options, &opaque) != litert::kOk ||
      opaque == nullptr || context.find_opaque_options_data(opaque, id, &data) != litert::kOk ||
      data == nullptr) {
    return "";
  }
  const auto* const text = static_cast<const char*>(data);
  return std::string(text, strnlen(text, kMaxText));
}

// Where the environment looks for libraries; empty where nothing says so.
std::string LibraryDirectory(const litert::RuntimeContext& context,
                             litert::Environment* environment) {
  litert::EnvironmentOptions* options = nullptr;
  litert::Any value{};
  if (environment == nullptr ||
      context.get_environment_options(environment, &options) != litert::kOk || options == nullptr ||
      context.get_environment_options_value(options, litert::kRuntimeLibraryDirectory, &value) !=
          litert::kOk ||
      value.type != litert::kText || value.text == nullptr) {
    return "";
  }
  return value.text;
}

void Override(const OptionTexts& others, OptionTexts* options) {
  for (const auto& [key, value] : others) (*options)[key] = value;
}

// In the order of ubp_delegate.h.
Status FindOptions(const litert::RuntimeContext& context, litert::Environment* environment,
                   litert::Options* model_options, DelegateOptions* options) {
  OptionTexts texts;
  for (const char* const id : kCpuOptionsIds) {
    const int threads = ThreadsInToml(OptionsText(context, model_options, id));
    if (threads == 0) continue;
    texts["num_threads"] = std::to_string(threads);
    break;
  }
  const char* const variable = std::getenv(kOptionsVariable);
  if (variable != nullptr) {
    UBP_RETURN_IF_ERROR(
        AddOptions(variable, std::string("the variable ") + kOptionsVariable, &texts));
  }
  Override(DirectoryOptions(""), &texts);
  const std::string directory = LibraryDirectory(context, environment);
  if (!directory.empty()) Override(DirectoryOptions(directory), &texts);
  const std::string what = "the text of LiteRT's options with the id 'ubp'";
  const std::string own = OptionsText(context, model_options, UBP_LITERT_OPTIONS_ID);
  if (own.size() == kMaxText) {
    return Status::Error(what + " has " + std::to_string(kMaxText) +
                         " characters or more, expected fewer.");
  }
  UBP_RETURN_IF_ERROR(AddOptions(own, what, &texts));
  return ParseOptionTexts(texts, options);
}

litert::Status Refuse(litert::Status status, const std::string& message) {
  RecordOfThread().AddError(message);
  Log(LogLevel::kError, message);
  return status;
}

litert::Status CreateDelegate(litert::RuntimeContext* context, litert::Environment* environment,
                              const litert::Accelerator*, litert::Options* model_options,
                              litert::DelegateWrapper** wrapper) {
  ThreadRecord& record = RecordOfThread();
  ++record.requests;
  record.nodes = record.nodes_taken = 0;
  try {
    Status status = CheckContext(context);
    if (!status.ok()) return Refuse(litert::kWrongVersion, status.message());
    if (wrapper == nullptr) {
      return Refuse(litert::kInvalidArgument, "LiteRT has no place for the delegate.");
    }
    DelegateOptions options;
    TfLiteDelegate* delegate = nullptr;
    status = FindOptions(*context, environment, model_options, &options);
    if (status.ok()) status = Delegate::Make(options, &delegate);
    if (!status.ok()) return Refuse(litert::kInvalidArgument, status.message());
    const litert::Status wrapped = context->wrap_delegate(delegate, &Delegate::Release, wrapper);
    if (wrapped == litert::kOk) return litert::kOk;
    Delegate::Release(delegate);
    return Refuse(wrapped,
                  "LiteRT does not take the delegate (status " + std::to_string(wrapped) + ").");
  } catch (const std::exception& error) {
    return Refuse(litert::kRuntimeFailure, error.what());
  }
}

template <typename Struct>
constexpr litert::AbiHeader HeaderOf() {
  return {sizeof(Struct), litert::kMajorVersion, 0, 0};
}

}  // namespace

litert::AcceleratorDefinition MakeAcceleratorDefinition() {
  litert::AcceleratorDefinition definition{};
  definition.abi_header = HeaderOf<litert::AcceleratorDefinition>();
  definition.get_name = &GetName;
  definition.get_version = &GetVersion;
  definition.get_hardware_support = &GetHardwareSupport;
  definition.compiles_in_delegate = &CompilesInDelegate;
  definition.create_delegate = &CreateDelegate;
  definition.buffer_handlers.abi_header = HeaderOf<litert::BufferHandlers>();
  definition.buffer_handlers.device_tag = litert::kNoTag;
  definition.buffer_handlers.queue_tag = litert::kNoTag;
  return definition;
}

}  // namespace ubp
