// SPDX-License-Identifier: Apache-2.0
// The C functions for LiteRT's CompiledModel, and the table that it looks for.

#include <cstddef>
#include <exception>
#include <string>
#include <utility>

#include "delegate/tflite/litert_accelerator.h"
#include "delegate/tflite/litert_options.h"
#include "delegate/tflite/options.h"
#include "delegate/tflite/thread_record.h"
#include "delegate/tflite/ubp_delegate.h"

namespace {

ubp::Status SetOptions(const char* directory, const char* const* keys, const char* const* values,
                       size_t count) {
  ubp::DelegateOptions parsed;
  UBP_RETURN_IF_ERROR(ubp::ParseOptions(keys, values, count, &parsed));
  ubp::OptionTexts texts;
  for (size_t i = 0; i < count; ++i) texts[keys[i]] = values[i];
  ubp::SetDirectoryOptions(directory != nullptr ? directory : "", std::move(texts));
  return ubp::Status::Ok();
}

}  // namespace

extern "C" {

// By this name LiteRT finds it in a library.
UBP_EXPORT extern const ubp::litert::AcceleratorDefinition LiteRtAcceleratorImpl;
const ubp::litert::AcceleratorDefinition LiteRtAcceleratorImpl = ubp::MakeAcceleratorDefinition();

const void* ubp_litert_accelerator() { return &LiteRtAcceleratorImpl; }

const char* ubp_litert_set_options(const char* directory, const char* const* keys,
                                   const char* const* values, size_t count) {
  ubp::ThreadRecord& record = ubp::RecordOfThread();
  try {
    const ubp::Status status = SetOptions(directory, keys, values, count);
    if (status.ok()) return nullptr;
    record.AddError(status.message());
  } catch (const std::exception& error) {
    record.AddError(error.what());
  }
  return record.error.c_str();
}

void ubp_thread_status(UbpThreadStatus* status) {
  const ubp::ThreadRecord& record = ubp::RecordOfThread();
  *status = {record.requests, record.nodes, record.nodes_taken, record.errors,
             record.error.c_str()};
}

}  // extern "C"
