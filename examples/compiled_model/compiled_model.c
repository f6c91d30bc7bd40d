/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a model of float32 [1, HEIGHT, WIDTH, CHANNELS] -> [1, CLASSES] through LiteRT's CompiledModel, in the
 * UBP delegate: compiled_model MODEL.tflite HEIGHT WIDTH CHANNELS CLASSES OPTIONS <INPUT >OUTPUT
 * Input and output are the numbers in a row; OPTIONS such as "num_threads:2;log:info" or "", see docs/delegate.md. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "delegate/tflite/ubp_delegate.h"
#include "litert.h"

static UbpThreadStatus ubp;  // what this thread has seen of the delegate
static void check(int status, const char* call) {
  ubp_thread_status(&ubp);
  if (status != 0) errx(1, "%s: status %d. %s", call, status, ubp.error);
}
#define CHECK(call) check(call, #call)

static LiteRtTensorBuffer buffer(LiteRtRankedTensorType type, float** numbers, size_t count) {
  LiteRtTensorBuffer made;
  *numbers = aligned_alloc(64, (4 * count + 63) / 64 * 64);
  CHECK(LiteRtCreateTensorBufferFromHostMemory(&type, *numbers, 4 * count, free, &made));
  return made;
}

int main(int argc, char** argv) {
  if (argc != 7) errx(1, "usage: MODEL.tflite HEIGHT WIDTH CHANNELS CLASSES OPTIONS");
  const int h = atoi(argv[2]), w = atoi(argv[3]), c = atoi(argv[4]), classes = atoi(argv[5]);
  const LiteRtEnvOption accelerator = {kGpuAcceleratorHandle, 0, kPointer,
                                       ubp_litert_accelerator()};
  LiteRtEnvironment environment;  // that option is all it needs
  CHECK(LiteRtCreateEnvironment(1, &accelerator, &environment));
  LiteRtOpaqueOptions ubp_options;
  CHECK(LiteRtCreateOpaqueOptions(UBP_LITERT_OPTIONS_ID, strdup(argv[6]), free, &ubp_options));
  LiteRtOptions options;
  CHECK(LiteRtCreateOptions(&options));
  CHECK(LiteRtAddOpaqueOptions(options, ubp_options));
  CHECK(LiteRtSetOptionsHardwareAccelerators(options, kCpu));
  LiteRtModel model;
  CHECK(LiteRtCreateModelFromFile(environment, argv[1], &model));
  LiteRtCompiledModel compiled;
  CHECK(LiteRtCreateCompiledModel(environment, model, options, &compiled));
  if (ubp.requests == 0) errx(1, "this LiteRT has not asked for the delegate");
  fprintf(stderr, "UBP runs %zu of %zu nodes\n", ubp.nodes_taken, ubp.nodes);

  float *numbers, *results;  // freed with their buffers
  const size_t count = (size_t)h * w * c;
  LiteRtTensorBuffer input =
      buffer((LiteRtRankedTensorType){kFloat32, 4, {1, h, w, c}, {0}}, &numbers, count);
  LiteRtTensorBuffer output =
      buffer((LiteRtRankedTensorType){kFloat32, 2, {1, classes}, {0}}, &results, classes);
  if (fread(numbers, 4, count, stdin) != count) errx(1, "the input is too short");
  CHECK(LiteRtRunCompiledModel(compiled, 0, 1, &input, 1, &output));
  fwrite(results, 4, classes, stdout);
  LiteRtDestroyTensorBuffer(input), LiteRtDestroyTensorBuffer(output);
  LiteRtDestroyCompiledModel(compiled), LiteRtDestroyModel(model);
  LiteRtDestroyOptions(options), LiteRtDestroyEnvironment(environment);
}
