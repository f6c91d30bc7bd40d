// The native methods of the Java class org.ubp.tflite.UbpDelegate: the functions that the external
// delegate exports, in Java's types. Thread-safe.

#include <jni.h>

#include <cstddef>
#include <string>
#include <vector>

struct TfLiteDelegate;

extern "C" {

// libubp_delegate.so; see delegate/plugin/external_delegate.cc.
TfLiteDelegate* tflite_plugin_create_delegate(const char* const* options_keys,
                                              const char* const* options_values, size_t num_options,
                                              void (*report_error)(const char*));
void tflite_plugin_destroy_delegate(TfLiteDelegate* delegate);
const char* ubp_delegate_version();

}  // extern "C"

namespace {

// The delegate's loader interface has no place for a context.
thread_local std::string last_error;

void KeepError(const char* message) { last_error = message; }

// Returns the elements of a Java array of strings; fewer where Java is out of memory, which it
// throws on return.
std::vector<std::string> Strings(JNIEnv* env, jobjectArray array) {
  std::vector<std::string> strings;
  const jsize count = env->GetArrayLength(array);
  for (jsize i = 0; i < count && !env->ExceptionCheck(); ++i) {
    const auto element = static_cast<jstring>(env->GetObjectArrayElement(array, i));
    const char* const text = env->GetStringUTFChars(element, nullptr);
    if (text == nullptr) break;
    strings.emplace_back(text);
    env->ReleaseStringUTFChars(element, text);
    env->DeleteLocalRef(element);
  }
  return strings;
}

std::vector<const char*> Pointers(const std::vector<std::string>& strings) {
  std::vector<const char*> pointers;
  for (const std::string& text : strings) pointers.push_back(text.c_str());
  return pointers;
}

}  // namespace

// Both arrays have the same length. Throws IllegalArgumentException, with the delegate's own
// sentence, if it refuses an option.
extern "C" JNIEXPORT jlong JNICALL Java_org_ubp_tflite_UbpDelegate_create(JNIEnv* env, jclass,
                                                                          jobjectArray keys,
                                                                          jobjectArray values) {
  const std::vector<std::string> key_texts = Strings(env, keys);
  const std::vector<std::string> value_texts = Strings(env, values);
  if (env->ExceptionCheck()) return 0;
  TfLiteDelegate* const delegate = tflite_plugin_create_delegate(
      Pointers(key_texts).data(), Pointers(value_texts).data(), key_texts.size(), &KeepError);
  if (delegate == nullptr) {
    env->ThrowNew(env->FindClass("java/lang/IllegalArgumentException"), last_error.c_str());
  }
  return reinterpret_cast<jlong>(delegate);
}

extern "C" JNIEXPORT void JNICALL Java_org_ubp_tflite_UbpDelegate_destroy(JNIEnv*, jclass,
                                                                          jlong handle) {
  tflite_plugin_destroy_delegate(reinterpret_cast<TfLiteDelegate*>(handle));
}

extern "C" JNIEXPORT jstring JNICALL Java_org_ubp_tflite_UbpDelegate_nativeVersion(JNIEnv* env,
                                                                                   jclass) {
  return env->NewStringUTF(ubp_delegate_version());
}
