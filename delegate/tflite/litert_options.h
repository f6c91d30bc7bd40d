// SPDX-License-Identifier: Apache-2.0
// The delegate's options as LiteRT's users give them.
#ifndef UBP_DELEGATE_TFLITE_LITERT_OPTIONS_H_
#define UBP_DELEGATE_TFLITE_LITERT_OPTIONS_H_

#include <map>
#include <string>

#include "delegate/base/status.h"
#include "delegate/tflite/options.h"

namespace ubp {

using OptionTexts = std::map<std::string, std::string>;  // values by key

// Sets the options of a text such as "num_threads:2;log:info", in place of those of the same key. A value may
// have a ':', but no ';'. `origin` names the text in an error.
Status AddOptions(const std::string& text, const std::string& origin, OptionTexts* options);

// The number of threads in LiteRT's options for CPUs, a text in TOML, as far as the delegate goes; 0 where it
// has none.
int ThreadsInToml(const std::string& toml);

// As ParseOptions.
Status ParseOptionTexts(const OptionTexts& texts, DelegateOptions* options);

// Options that go by the directory in which an environment looks for libraries; "" is that of every
// environment. Setting none removes them. Thread-safe.
void SetDirectoryOptions(const std::string& directory, OptionTexts options);
OptionTexts DirectoryOptions(const std::string& directory);

}  // namespace ubp

#endif  // UBP_DELEGATE_TFLITE_LITERT_OPTIONS_H_
