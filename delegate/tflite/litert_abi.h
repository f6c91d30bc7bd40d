// SPDX-License-Identifier: Apache-2.0
// The C structs by which LiteRT's CompiledModel and the library of an accelerator know each other, as far as
// they are used here; declared by ourselves, so that none of LiteRT's headers or libraries is needed.
//
// They are those of LiteRT 2.2 and later. Each begins with its size and version: a new minor version appends
// members, a new major one may change everything. Before 2.2 there were no such headers; what stood in their
// place is no version 1.
#ifndef UBP_DELEGATE_TFLITE_LITERT_ABI_H_
#define UBP_DELEGATE_TFLITE_LITERT_ABI_H_

#include <cstddef>
#include <cstdint>

#include "tensorflow/lite/core/c/common.h"

namespace ubp::litert {

inline constexpr uint16_t kMajorVersion = 1;

struct AbiHeader {
  uint16_t struct_size;  // of the struct that begins with the header, in bytes
  uint16_t major_version;
  uint16_t minor_version;
  uint16_t reserved;
};

// What LiteRT hands out by pointer and nobody else looks into.
struct Accelerator;
struct DelegateWrapper;
struct Environment;
struct EnvironmentOptions;
struct Metrics;
struct OpaqueOptions;
struct Options;

using Status = int;
inline constexpr Status kOk = 0;
inline constexpr Status kInvalidArgument = 1;
inline constexpr Status kRuntimeFailure = 3;
inline constexpr Status kWrongVersion = 8;

// Of processors, one bit each.
using Hardware = int;
inline constexpr Hardware kCpu = 1;

struct Version {
  int major, minor, patch;
};

// A value of any type; `type` says which.
struct Any {
  int type;
  union {
    bool boolean;
    int64_t integer;
    double real;
    const char* text;
    const void* pointer;
  };
};
inline constexpr int kText = 8;

// An option of environments: the directory in which LiteRT looks for libraries.
inline constexpr int kRuntimeLibraryDirectory = 22;

// LiteRT's functions for accelerators, up to the last one that is used here.
struct RuntimeContext {
  AbiHeader abi_header;
  void (*buffer_functions[9])();
  // The first of the options for one model that go by an id; null where there are none.
  Status (*get_opaque_options)(Options* options, OpaqueOptions** opaque);
  // The data under an id, in these or those behind them. Fails where there is no such id.
  Status (*find_opaque_options_data)(OpaqueOptions* opaque, const char* id, void** data);
  void (*destroy_options)(Options* options);
  Status (*get_environment_options)(Environment* environment, EnvironmentOptions** options);
  // Fails where the option is not set.
  Status (*get_environment_options_value)(EnvironmentOptions* options, int option, Any* value);
  void (*environment_functions[3])();
  // Takes over the delegate, which `destroy` frees.
  Status (*wrap_delegate)(TfLiteDelegate* delegate, void (*destroy)(TfLiteDelegate* delegate),
                          DelegateWrapper** wrapper);
};

// Of buffers in an accelerator's own memory: there are none here.
struct BufferHandlers {
  AbiHeader abi_header;
  void (*functions[6])();
  int device_tag, queue_tag;
  size_t num_buffer_types;
  int buffer_types[16];
};
inline constexpr int kNoTag = 255;

// What an accelerator is: the table that LiteRT looks for.
struct AcceleratorDefinition {
  AbiHeader abi_header;
  Status (*get_name)(const Accelerator* accelerator, const char** name);
  Status (*get_version)(const Accelerator* accelerator, Version* version);
  Status (*get_hardware_support)(const Accelerator* accelerator, Hardware* hardware);
  // Whether the delegate itself compiles the model.
  Status (*compiles_in_delegate)(const Accelerator* accelerator, bool* compiles);
  Status (*create_delegate)(RuntimeContext* context, Environment* environment,
                            const Accelerator* accelerator, Options* options,
                            DelegateWrapper** wrapper);
  Status (*start_metrics)(RuntimeContext* context, DelegateWrapper* wrapper, int detail);
  Status (*stop_metrics)(RuntimeContext* context, DelegateWrapper* wrapper, Metrics* metrics);
  BufferHandlers buffer_handlers;
};

static_assert(sizeof(AbiHeader) == 8);
static_assert(sizeof(void*) != 8 ||
              (sizeof(Any) == 16 && offsetof(RuntimeContext, get_opaque_options) == 80 &&
               offsetof(RuntimeContext, get_environment_options) == 104 &&
               offsetof(RuntimeContext, wrap_delegate) == 144 && sizeof(BufferHandlers) == 136 &&
               offsetof(AcceleratorDefinition, create_delegate) == 40 &&
               offsetof(AcceleratorDefinition, buffer_handlers) == 64 &&
               sizeof(AcceleratorDefinition) == 200));

}  // namespace ubp::litert

#endif  // UBP_DELEGATE_TFLITE_LITERT_ABI_H_
