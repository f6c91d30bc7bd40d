/* SPDX-License-Identifier: Apache-2.0 */
/* The C functions of libubp_delegate.so: all of them, in C and C++, for 32 and 64 bits.
 *
 * All functions may be called from any thread. No exception leaves them. Texts are UTF-8 and end with a
 * zero; those that are given are copied. The library stays loaded until the process ends, whatever closes it.
 */
#ifndef UBP_DELEGATE_TFLITE_UBP_DELEGATE_H_
#define UBP_DELEGATE_TFLITE_UBP_DELEGATE_H_

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define UBP_EXPORT __attribute__((visibility("default")))
#else
#define UBP_EXPORT
#endif

/* ---- The interpreter: an external delegate --------------------------------------------------------- */

/* TensorFlow Lite's struct of that name. */
struct TfLiteDelegate;

/* Makes a delegate with options, each a key and a value; docs/delegate.md has the list. Returns null where
 * one is refused; a sentence that says why goes to `report_error` or, where that is null, to stderr. */
UBP_EXPORT struct TfLiteDelegate* tflite_plugin_create_delegate(
    const char* const* keys, const char* const* values, size_t count,
    void (*report_error)(const char* message));

/* Frees a delegate, which may be null. Interpreters that use it may outlive it. */
UBP_EXPORT void tflite_plugin_destroy_delegate(struct TfLiteDelegate* delegate);

/* Such as "0.1.0". */
UBP_EXPORT const char* ubp_delegate_version(void);

/* What the delegate can run on, as JSON. Writes as much of it as fits into `room` bytes, and returns how many
 * the whole needs, its zero included; 0 where there is no memory for it. */
UBP_EXPORT size_t ubp_delegate_devices(char* text, size_t room);

/* ---- LiteRT's CompiledModel, 2.2 and later: an accelerator; docs/runtimes.md ------------------------ */

/* The address for the option kLiteRtEnvOptionTagSystemGpuAcceleratorHandle (30) of LiteRtCreateEnvironment, of
 * LiteRT 2.3 and later, as a value of type kLiteRtAnyTypeVoidPtr. It is that of the constant table
 * LiteRtAcceleratorImpl, which LiteRT finds by itself where the library goes by the name
 * libLiteRtGpuAccelerator.so; LiteRT 2.2 knows this way only. Models that are compiled in that environment for
 * the CPU run in the delegate as far as it takes them, and in XNNPACK for the rest. */
UBP_EXPORT const void* ubp_litert_accelerator(void);

/* The id of the delegate's options among a model's opaque options: LiteRtCreateOpaqueOptions(id, text, free, ...)
 * with a text such as "take:all;log:info" that LiteRT may free. A value may have a ':', but no ';'.
 *
 * Options are looked for in this order, and the last one found for a key counts: LiteRT's own number of
 * threads for CPUs; the environment variable UBP_DELEGATE_OPTIONS, a text as above; ubp_litert_set_options of all
 * environments, and then of the one; this text. */
#define UBP_LITERT_OPTIONS_ID "ubp"

/* Sets the options of all models that will be compiled in environments whose option
 * kLiteRtEnvOptionTagRuntimeLibraryDir (22) is `directory`; where that is null, of all environments. They take
 * the place of those set before. Returns null, or a sentence that says which option is refused, and then changes
 * nothing; it is valid until the thread's next call of this library. */
UBP_EXPORT const char* ubp_litert_set_options(const char* directory, const char* const* keys,
                                              const char* const* values, size_t count);

/* What the calling thread has seen of the delegate. */
typedef struct UbpThreadStatus {
  size_t requests; /* how often LiteRT has asked for a delegate; it does so once for each model */
  size_t nodes;    /* since the last time: the nodes that delegates were shown */
  size_t nodes_taken; /* and how many of these they took */
  size_t errors; /* how often something was refused or has failed: options, models, inferences */
  const char* error; /* why, the last time, in a sentence; valid until the thread's next call */
} UbpThreadStatus;

/* Tells whether LiteRT has used the accelerator: asked before and after LiteRtCreateCompiledModel, `requests`
 * differs by one. LiteRT's own "fully accelerated" counts what XNNPACK runs, too. */
UBP_EXPORT void ubp_thread_status(UbpThreadStatus* status);

#ifdef __cplusplus
} /* extern "C" */
#endif

#endif /* UBP_DELEGATE_TFLITE_UBP_DELEGATE_H_ */
