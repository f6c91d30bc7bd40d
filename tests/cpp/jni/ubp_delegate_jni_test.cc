// SPDX-License-Identifier: Apache-2.0
// The native method that makes a delegate, with a Java and a delegate of the test's own, in which
// memory runs out wherever the test wants. android/library tests the methods in a real JVM.

#include <gtest/gtest.h>
#include <jni.h>

#include <cstddef>
#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/cpp/jni/scarce_memory.h"

extern "C" JNIEXPORT jlong JNICALL Java_org_ubp_tflite_UbpDelegate_create(JNIEnv*, jclass,
                                                                          jobjectArray,
                                                                          jobjectArray,
                                                                          jobjectArray);

extern "C" JNIEXPORT jlong JNICALL Java_org_ubp_tflite_UbpAccelerator_nativeHandle(JNIEnv*, jclass);
extern "C" JNIEXPORT jbyteArray JNICALL
Java_org_ubp_tflite_UbpAccelerator_nativeSetOptions(JNIEnv*, jclass, jobjectArray, jobjectArray);

struct TfLiteDelegate {};

namespace ubp {
namespace {

// The objects of Java, and what happens in one call.
struct Java {
  std::map<const _jobject*, std::string> texts;
  std::map<const _jobject*, std::vector<jobject>> arrays;
  std::string thrown;  // the class of the pending exception; empty if there is none
  std::vector<std::string> options;
};

Java* java = nullptr;
TfLiteDelegate a_delegate;
// What the delegate does after it has read the options.
TfLiteDelegate* (*outcome)(void (*report_error)(const char*)) = nullptr;
const char* refusal = nullptr;  // of the accelerator's options

_jbyteArray* MakeText(const std::string& text) {
  const EnoughMemory enough;
  auto* const made = new _jbyteArray;
  java->texts[made] = text;
  return made;
}

jobjectArray MakeArray(const std::vector<jobject>& elements) {
  auto* const made = new _jobjectArray;
  java->arrays[made] = elements;
  return made;
}

jsize GetArrayLength(JNIEnv*, jarray array) {
  const auto text = java->texts.find(array);
  return static_cast<jsize>(text != java->texts.end() ? text->second.size()
                                                      : java->arrays.at(array).size());
}

jobject GetObjectArrayElement(JNIEnv*, jobjectArray array, jsize i) {
  return java->arrays.at(array).at(i);
}

void SetObjectArrayElement(JNIEnv*, jobjectArray array, jsize i, jobject value) {
  java->arrays.at(array).at(i) = value;
}

void GetByteArrayRegion(JNIEnv*, jbyteArray array, jsize start, jsize size, jbyte* values) {
  java->texts.at(array).copy(reinterpret_cast<char*>(values), size, start);
}

jbyteArray NewByteArray(JNIEnv*, jsize size) { return MakeText(std::string(size, '\0')); }

void SetByteArrayRegion(JNIEnv*, jbyteArray array, jsize start, jsize size, const jbyte* values) {
  java->texts.at(array).replace(start, size, reinterpret_cast<const char*>(values), size);
}

void DeleteLocalRef(JNIEnv*, jobject) {}

jboolean ExceptionCheck(JNIEnv*) { return !java->thrown.empty(); }

// A class is its name.
jclass FindClass(JNIEnv*, const char* name) {
  const EnoughMemory enough;
  auto* const made = new _jclass;
  java->texts[made] = name;
  return made;
}

jint ThrowNew(JNIEnv*, jclass type, const char*) {
  const EnoughMemory enough;
  java->thrown = java->texts.at(type);
  return 0;
}

class JniTest : public testing::Test {
 protected:
  JniTest() {
    java = &java_;
    functions_.GetArrayLength = &GetArrayLength;
    functions_.GetObjectArrayElement = &GetObjectArrayElement;
    functions_.SetObjectArrayElement = &SetObjectArrayElement;
    functions_.GetByteArrayRegion = &GetByteArrayRegion;
    functions_.NewByteArray = &NewByteArray;
    functions_.SetByteArrayRegion = &SetByteArrayRegion;
    functions_.DeleteLocalRef = &DeleteLocalRef;
    functions_.ExceptionCheck = &ExceptionCheck;
    functions_.FindClass = &FindClass;
    functions_.ThrowNew = &ThrowNew;
    env_.functions = &functions_;
    errors_ = MakeArray({nullptr});
  }

  ~JniTest() override {
    for (const auto& [object, text] : java_.texts) delete static_cast<const _jbyteArray*>(object);
    for (const auto& [object, list] : java_.arrays) {
      delete static_cast<const _jobjectArray*>(object);
    }
  }

  // Calls create with two options; after `allocations` successful ones memory runs out. Returns
  // whether an exception of C++ came out.
  bool Create(long allocations = kEnough) {
    java_.thrown.clear();
    java_.options.clear();
    const jobjectArray keys = MakeArray({MakeText("report"), MakeText("weight_cache")});
    const jobjectArray values = MakeArray({MakeText(kPath), MakeText(kOtherPath)});
    bool came_out = false;
    AllowAllocations(allocations);
    try {
      handle_ = Java_org_ubp_tflite_UbpDelegate_create(&env_, nullptr, keys, values, errors_);
    } catch (...) {
      came_out = true;
    }
    AllowAllocations(kEnough);
    return came_out;
  }

  // Longer than what a std::string holds without allocating.
  const std::string kPath = "/data/\xF0\x9F\x90\x88 a picture of a cat.json";
  const std::string kOtherPath = "/data/user/0/org.example/cache/model.cache";
  Java java_;
  JNINativeInterface_ functions_ = {};
  JNIEnv env_ = {};
  jobjectArray errors_ = nullptr;
  jlong handle_ = 0;
};

TEST_F(JniTest, OptionsArriveByteForByte) {
  outcome = [](void (*)(const char*)) { return &a_delegate; };
  EXPECT_FALSE(Create());
  EXPECT_EQ(java_.thrown, "");
  EXPECT_EQ(handle_, reinterpret_cast<jlong>(&a_delegate));
  EXPECT_EQ(java_.options,
            std::vector<std::string>({"report=" + kPath, "weight_cache=" + kOtherPath}));
}

TEST_F(JniTest, ARefusalIsReturnedByteForByte) {
  outcome = [](void (*report_error)(const char*)) -> TfLiteDelegate* {
    report_error("the option is '\xF0\x9F\x90\x88'.");
    return nullptr;
  };
  EXPECT_FALSE(Create());
  EXPECT_EQ(java_.thrown, "");
  EXPECT_EQ(handle_, 0);
  EXPECT_EQ(java_.texts.at(java_.arrays.at(errors_)[0]), "the option is '\xF0\x9F\x90\x88'.");
}

TEST_F(JniTest, WhereverMemoryRunsOutJavaGetsAnOutOfMemoryError) {
  outcome = [](void (*)(const char*)) { return &a_delegate; };
  long allocations = 0;
  for (; Create(allocations) || !java_.thrown.empty(); ++allocations) {
    ASSERT_EQ(java_.thrown, "java/lang/OutOfMemoryError") << allocations << " allocations";
    ASSERT_EQ(handle_, 0);
  }
  EXPECT_GE(allocations, 6) << "at least two vectors, their pointers and two long paths";
}

TEST_F(JniTest, ARefusalForWhichThereIsNoMemoryIsAnOutOfMemoryError) {
  outcome = [](void (*report_error)(const char*)) -> TfLiteDelegate* {
    AllowAllocations(0);
    report_error("a sentence that is too long for a string without memory of its own");
    return nullptr;
  };
  EXPECT_FALSE(Create());
  EXPECT_EQ(java_.thrown, "java/lang/OutOfMemoryError");
}

TEST_F(JniTest, TheAcceleratorsOptionsArriveAndAreRefusedByteForByte) {
  EXPECT_EQ(Java_org_ubp_tflite_UbpAccelerator_nativeHandle(&env_, nullptr),
            reinterpret_cast<jlong>(&a_delegate));
  const jobjectArray keys = MakeArray({MakeText("report")});
  const jobjectArray values = MakeArray({MakeText(kPath)});
  const auto set = &Java_org_ubp_tflite_UbpAccelerator_nativeSetOptions;
  refusal = nullptr;
  EXPECT_EQ(set(&env_, nullptr, keys, values), nullptr);
  EXPECT_EQ(java_.options, std::vector<std::string>({"report=" + kPath}));
  refusal = "the option is '\xF0\x9F\x90\x88'.";
  EXPECT_EQ(java_.texts.at(set(&env_, nullptr, keys, values)), refusal);
  for (long allocations = 0; allocations < 2; ++allocations) {
    java_.thrown.clear();
    AllowAllocations(allocations);
    EXPECT_EQ(set(&env_, nullptr, keys, values), nullptr);
    AllowAllocations(kEnough);
    EXPECT_EQ(java_.thrown, "java/lang/OutOfMemoryError");
  }
}

TEST_F(JniTest, ExceptionsOfTheDelegateBecomeJavas) {
  outcome = [](void (*)(const char*)) -> TfLiteDelegate* { throw std::bad_alloc(); };
  EXPECT_FALSE(Create());
  EXPECT_EQ(java_.thrown, "java/lang/OutOfMemoryError");
  outcome = [](void (*)(const char*)) -> TfLiteDelegate* { throw std::runtime_error("no"); };
  EXPECT_FALSE(Create());
  EXPECT_EQ(java_.thrown, "java/lang/IllegalStateException");
}

}  // namespace
}  // namespace ubp

// In place of libubp_delegate.so.
extern "C" TfLiteDelegate* tflite_plugin_create_delegate(const char* const* options_keys,
                                                         const char* const* options_values,
                                                         size_t num_options,
                                                         void (*report_error)(const char*)) {
  {
    const ubp::EnoughMemory enough;
    for (size_t i = 0; i < num_options; ++i) {
      ubp::java->options.push_back(std::string(options_keys[i]) + "=" + options_values[i]);
    }
  }
  return ubp::outcome(report_error);
}

extern "C" void tflite_plugin_destroy_delegate(TfLiteDelegate*) {}
extern "C" const char* ubp_delegate_version() { return "0.0.0"; }
extern "C" const void* ubp_litert_accelerator() { return &ubp::a_delegate; }
extern "C" const char* ubp_litert_set_options(const char* directory, const char* const* keys,
                                              const char* const* values, size_t count) {
  const ubp::EnoughMemory enough;
  EXPECT_EQ(directory, nullptr);
  for (size_t i = 0; i < count; ++i) {
    ubp::java->options.push_back(std::string(keys[i]) + "=" + values[i]);
  }
  return ubp::refusal;
}
