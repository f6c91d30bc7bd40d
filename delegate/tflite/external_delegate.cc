// SPDX-License-Identifier: Apache-2.0
// The C functions by which TFLite's external-delegate loader creates and destroys the delegate, and two
// that tell of it.

#include <cstddef>
#include <cstdio>
#include <exception>
#include <string>

#include "delegate/tflite/delegate.h"
#include "delegate/tflite/devices.h"
#include "delegate/tflite/log.h"
#include "delegate/tflite/options.h"
#include "delegate/tflite/version.h"

#define UBP_EXPORT extern "C" __attribute__((visibility("default")))

// Returns null on failure; the reason goes to report_error or, where the loader passes none, to
// stderr.
UBP_EXPORT TfLiteDelegate* tflite_plugin_create_delegate(const char* const* options_keys,
                                                         const char* const* options_values,
                                                         size_t num_options,
                                                         void (*report_error)(const char*)) {
  std::string message;
  try {
    ubp::DelegateOptions options;
    TfLiteDelegate* delegate = nullptr;
    ubp::Status status = ubp::ParseOptions(options_keys, options_values, num_options, &options);
    if (status.ok()) status = ubp::Delegate::Make(options, &delegate);
    if (status.ok()) return delegate;
    message = status.message();
  } catch (const std::exception& error) {
    message = error.what();
  }
  if (report_error != nullptr) {
    report_error(message.c_str());
  } else {
    ubp::Log(ubp::LogLevel::kError, message);
  }
  return nullptr;
}

UBP_EXPORT void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) {
  if (delegate != nullptr) ubp::Delegate::Release(delegate);
}

UBP_EXPORT const char* ubp_delegate_version() { return UBP_VERSION; }

// What devices.h says, as a text that ends with a zero. Writes as much of it as fits into `room` bytes,
// and returns how many the whole needs; 0 where there is no memory for it.
UBP_EXPORT size_t ubp_delegate_devices(char* text, size_t room) {
  try {
    const std::string json = ubp::DevicesJson();
    if (room > 0) std::snprintf(text, room, "%s", json.c_str());
    return json.size() + 1;
  } catch (const std::exception&) {
    return 0;
  }
}
