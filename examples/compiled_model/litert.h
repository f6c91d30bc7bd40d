/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of LiteRT's C API (2.3 and later) that the example calls. The Python packages bring the library
 * libLiteRt.so, but no headers; where you have LiteRT's own, include those. */
#ifndef UBP_EXAMPLES_COMPILED_MODEL_LITERT_H_
#define UBP_EXAMPLES_COMPILED_MODEL_LITERT_H_

#include <stddef.h>
#include <stdint.h>

typedef struct LiteRtEnvironmentT* LiteRtEnvironment;
typedef struct LiteRtModelT* LiteRtModel;
typedef struct LiteRtOptionsT* LiteRtOptions;
typedef struct LiteRtOpaqueOptionsT* LiteRtOpaqueOptions;
typedef struct LiteRtCompiledModelT* LiteRtCompiledModel;
typedef struct LiteRtTensorBufferT* LiteRtTensorBuffer;
enum { kCpu = 1, kFloat32 = 1, kPointer = 9, kGpuAcceleratorHandle = 30 };

typedef struct {
  int tag, unused, type; /* the value's */
  const void* value;
} LiteRtEnvOption;
typedef struct {
  int element_type;
  uint32_t rank;
  int32_t dimensions[8];
  uint32_t strides[8];
} LiteRtRankedTensorType;

/* Each returns 0, or what has gone wrong. */
int LiteRtCreateEnvironment(int count, const LiteRtEnvOption* options, LiteRtEnvironment* made);
int LiteRtCreateModelFromFile(LiteRtEnvironment environment, const char* path, LiteRtModel* made);
int LiteRtCreateOptions(LiteRtOptions* made);
int LiteRtSetOptionsHardwareAccelerators(LiteRtOptions options, int processors);
int LiteRtCreateOpaqueOptions(const char* id, void* data, void (*free)(void*),
                              LiteRtOpaqueOptions* made);
int LiteRtAddOpaqueOptions(LiteRtOptions options, LiteRtOpaqueOptions opaque);
int LiteRtCreateCompiledModel(LiteRtEnvironment environment, LiteRtModel model,
                              LiteRtOptions options, LiteRtCompiledModel* made);
int LiteRtCreateTensorBufferFromHostMemory(const LiteRtRankedTensorType* type, void* memory,
                                           size_t bytes, void (*free)(void*),
                                           LiteRtTensorBuffer* made);
int LiteRtRunCompiledModel(LiteRtCompiledModel model, size_t signature, size_t num_inputs,
                           LiteRtTensorBuffer* inputs, size_t num_outputs,
                           LiteRtTensorBuffer* outputs);
void LiteRtDestroyTensorBuffer(LiteRtTensorBuffer buffer);
void LiteRtDestroyCompiledModel(LiteRtCompiledModel model);
void LiteRtDestroyOptions(LiteRtOptions options);
void LiteRtDestroyModel(LiteRtModel model);
void LiteRtDestroyEnvironment(LiteRtEnvironment environment);

#endif
