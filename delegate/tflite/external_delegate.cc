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
#include "delegate/tflite/thread_record.h"
#include "delegate/tflite/ubp_delegate.h"
#include "delegate/tflite/version.h"

TfLiteDelegate* tflite_plugin_create_delegate(const char* const* keys, const char* const* values,
                                              size_t count,
                                              void (*report_error)(const char* message)) {
  std::string message;
  try {
    ubp::DelegateOptions options;
    TfLiteDelegate* delegate = nullptr;
    ubp::Status status = ubp::ParseOptions(keys, values, count, &options);
    if (status.ok()) status = ubp::Delegate::Make(options, &delegate);
    if (status.ok()) return delegate;
    message = status.message();
  } catch (const std::exception& error) {
    message = error.what();
  }
  ubp::RecordOfThread().AddError(message);
  if (report_error != nullptr) {
    report_error(message.c_str());
  } else {
    ubp::Log(ubp::LogLevel::kError, message);
  }
  return nullptr;
}

void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate) {
  if (delegate != nullptr) ubp::Delegate::Release(delegate);
}

const char* ubp_delegate_version() { return UBP_VERSION; }

size_t ubp_delegate_devices(char* text, size_t room) {
  try {
    const std::string json = ubp::DevicesJson();
    if (room > 0) std::snprintf(text, room, "%s", json.c_str());
    return json.size() + 1;
  } catch (const std::exception&) {
    return 0;
  }
}
