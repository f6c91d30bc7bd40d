// The C functions by which TFLite's external-delegate loader creates and destroys the delegate.

#include <cstddef>
#include <exception>
#include <string>

#include "delegate/tflite/delegate.h"
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
