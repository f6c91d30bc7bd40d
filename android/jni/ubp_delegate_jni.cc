// SPDX-License-Identifier: Apache-2.0
// The native methods of the Java classes org.ubp.tflite.UbpDelegate and UbpAccelerator: the functions
// that the delegate exports, in Java's types. Thread-safe.
//
// Text crosses as bytes of UTF-8, which Java's classes encode and decode: JNI's own functions for
// strings use a modified UTF-8, in which characters outside the Basic Multilingual Plane and NUL
// are other bytes than in file names. No C++ exception leaves these functions, which would end the
// process; each becomes one of Java's.

#include <jni.h>

#include <cstddef>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "delegate/tflite/ubp_delegate.h"

namespace {

// The delegate's loader interface has no place for a context.
thread_local std::string last_error;

// Called by C code, through which no exception may pass: no message is left where there is no
// memory for it.
void KeepError(const char* message) noexcept {
  try {
    last_error = message;
  } catch (const std::bad_alloc&) {
    last_error.clear();
  }
}

// Returns the elements of a byte[][]; fewer where Java throws, which it does on return.
std::vector<std::string> Texts(JNIEnv* env, jobjectArray array) {
  std::vector<std::string> texts;
  const jsize count = env->GetArrayLength(array);
  for (jsize i = 0; i < count; ++i) {
    const auto element = static_cast<jbyteArray>(env->GetObjectArrayElement(array, i));
    if (env->ExceptionCheck()) break;
    std::string text(env->GetArrayLength(element), '\0');
    env->GetByteArrayRegion(element, 0, static_cast<jsize>(text.size()),
                            reinterpret_cast<jbyte*>(text.data()));
    env->DeleteLocalRef(element);
    texts.push_back(std::move(text));
  }
  return texts;
}

std::vector<const char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<const char*> pointers;
  for (const std::string& text : texts) pointers.push_back(text.c_str());
  return pointers;
}

// Returns null where Java has no memory for it, and throws on return.
jbyteArray Bytes(JNIEnv* env, const std::string& text) {
  const auto size = static_cast<jsize>(text.size());
  const jbyteArray bytes = env->NewByteArray(size);
  if (bytes == nullptr) return nullptr;
  env->SetByteArrayRegion(bytes, 0, size, reinterpret_cast<const jbyte*>(text.data()));
  return bytes;
}

// Puts `message` as a byte[] into errors[0].
void ReturnError(JNIEnv* env, const std::string& message, jobjectArray errors) {
  const jbyteArray bytes = Bytes(env, message);
  if (bytes != nullptr) env->SetObjectArrayElement(errors, 0, bytes);
}

// `message` is ASCII. An exception that Java threw before stays.
void Throw(JNIEnv* env, const char* class_name, const char* message) {
  if (env->ExceptionCheck()) return;
  const jclass type = env->FindClass(class_name);
  if (type != nullptr) env->ThrowNew(type, message);
}

void ThrowOutOfMemory(JNIEnv* env) {
  Throw(env, "java/lang/OutOfMemoryError", "No memory was left to make a UBP delegate.");
}

// Returns null where the delegate refuses an option, with its sentence in errors[0], or where an
// exception is thrown.
TfLiteDelegate* Create(JNIEnv* env, jobjectArray keys, jobjectArray values, jobjectArray errors) {
  const std::vector<std::string> key_texts = Texts(env, keys);
  if (env->ExceptionCheck()) return nullptr;
  const std::vector<std::string> value_texts = Texts(env, values);
  if (env->ExceptionCheck()) return nullptr;
  last_error.clear();
  TfLiteDelegate* const delegate = tflite_plugin_create_delegate(
      Pointers(key_texts).data(), Pointers(value_texts).data(), key_texts.size(), &KeepError);
  if (delegate == nullptr && last_error.empty()) {
    ThrowOutOfMemory(env);
  } else if (delegate == nullptr) {
    ReturnError(env, last_error, errors);
  }
  return delegate;
}

// Returns null, or the sentence of a refusal.
jbyteArray SetAcceleratorOptions(JNIEnv* env, jobjectArray keys, jobjectArray values) {
  const std::vector<std::string> key_texts = Texts(env, keys);
  if (env->ExceptionCheck()) return nullptr;
  const std::vector<std::string> value_texts = Texts(env, values);
  if (env->ExceptionCheck()) return nullptr;
  const char* const error = ubp_litert_set_options(nullptr, Pointers(key_texts).data(),
                                                   Pointers(value_texts).data(), key_texts.size());
  return error != nullptr ? Bytes(env, error) : nullptr;
}

}  // namespace

// keys and values are byte[][] of the same length, of UTF-8 without NUL; errors is a byte[1][].
extern "C" JNIEXPORT jlong JNICALL Java_org_ubp_tflite_UbpDelegate_create(JNIEnv* env, jclass,
                                                                          jobjectArray keys,
                                                                          jobjectArray values,
                                                                          jobjectArray errors) {
  try {
    return reinterpret_cast<jlong>(Create(env, keys, values, errors));
  } catch (const std::bad_alloc&) {
    ThrowOutOfMemory(env);
  } catch (...) {
    Throw(env, "java/lang/IllegalStateException",
          "The UBP delegate could not be made: an unexpected C++ exception.");
  }
  return 0;
}

extern "C" JNIEXPORT void JNICALL Java_org_ubp_tflite_UbpDelegate_destroy(JNIEnv*, jclass,
                                                                          jlong handle) {
  tflite_plugin_destroy_delegate(reinterpret_cast<TfLiteDelegate*>(handle));
}

extern "C" JNIEXPORT jstring JNICALL Java_org_ubp_tflite_UbpDelegate_nativeVersion(JNIEnv* env,
                                                                                   jclass) {
  return env->NewStringUTF(ubp_delegate_version());
}

extern "C" JNIEXPORT jlong JNICALL Java_org_ubp_tflite_UbpAccelerator_nativeHandle(JNIEnv*,
                                                                                   jclass) {
  return reinterpret_cast<jlong>(ubp_litert_accelerator());
}

// keys and values are byte[][] of the same length, of UTF-8 without NUL.
extern "C" JNIEXPORT jbyteArray JNICALL Java_org_ubp_tflite_UbpAccelerator_nativeSetOptions(
    JNIEnv* env, jclass, jobjectArray keys, jobjectArray values) {
  try {
    return SetAcceleratorOptions(env, keys, values);
  } catch (const std::bad_alloc&) {
    ThrowOutOfMemory(env);
  } catch (...) {
    Throw(env, "java/lang/IllegalStateException",
          "The options could not be set: an unexpected C++ exception.");
  }
  return nullptr;
}
