// SPDX-License-Identifier: Apache-2.0
#include "delegate/tflite/options.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

using ::testing::HasSubstr;

Status Parse(const std::vector<const char*>& keys, const std::vector<const char*>& values,
             DelegateOptions* options) {
  return ParseOptions(keys.data(), values.data(), keys.size(), options);
}

std::string ErrorOf(const char* key, const char* value) {
  DelegateOptions options;
  return Parse({key}, {value}, &options).message();
}

TEST(OptionsTest, Defaults) {
  DelegateOptions options;
  ASSERT_TRUE(ParseOptions(nullptr, nullptr, 0, &options).ok());
  EXPECT_EQ(options.num_threads, 0);
  EXPECT_EQ(options.isa, &BestInstructionSet());
  EXPECT_TRUE(options.claim.sparse_from_dense);
  EXPECT_EQ(options.profile, "");
  EXPECT_EQ(options.report, "");
  EXPECT_EQ(options.weight_cache, "");
  EXPECT_FALSE(options.log_info);
  EXPECT_EQ(options.backend, DelegateOptions::BackendChoice::kCpu);
  EXPECT_EQ(options.precision, opencl::Precision::kFp32);
  EXPECT_EQ(options.gpu_cache, "");
  EXPECT_EQ(options.gpu_device, "");
  EXPECT_FALSE(options.gpu_tune);
}

TEST(OptionsTest, ReadsWhatTheGpuIsToDo) {
  DelegateOptions options;
  ASSERT_TRUE(Parse({"backend", "precision", "gpu_cache", "gpu_device", "gpu_tune"},
                    {"gpu", "fp16_storage", "a b", "mali", "on"}, &options)
                  .ok());
  EXPECT_EQ(options.backend, DelegateOptions::BackendChoice::kGpu);
  EXPECT_EQ(options.precision, opencl::Precision::kFp16Storage);
  EXPECT_EQ(options.gpu_cache, "a b");
  EXPECT_EQ(options.gpu_device, "mali");
  EXPECT_TRUE(options.gpu_tune);
  ASSERT_TRUE(Parse({"backend", "precision"}, {"auto", "fp16"}, &options).ok());
  EXPECT_EQ(options.backend, DelegateOptions::BackendChoice::kAuto);
  EXPECT_EQ(options.precision, opencl::Precision::kFp16);
  EXPECT_THAT(ErrorOf("backend", "npu"), HasSubstr("expected cpu, gpu or auto"));
  EXPECT_THAT(ErrorOf("precision", "bf16"), HasSubstr("expected fp32, fp16_storage or fp16"));
  EXPECT_THAT(ErrorOf("gpu_tune", "yes"), HasSubstr("expected on or off"));
  EXPECT_THAT(ErrorOf("gpu_cache", ""), HasSubstr("expected the path of a directory"));
  EXPECT_THAT(ErrorOf("gpu_device", ""), HasSubstr("expected a device's number or a part"));
}

TEST(OptionsTest, ReadsEveryOption) {
  DelegateOptions options;
  ASSERT_TRUE(Parse({"num_threads", "kernel", "log"}, {"3", "portable", "info"}, &options).ok());
  EXPECT_EQ(options.num_threads, 3);
  EXPECT_STREQ(options.isa->name, "portable");
  EXPECT_TRUE(options.log_info);
  ASSERT_TRUE(Parse({"kernel"}, {"reference"}, &options).ok());
  EXPECT_EQ(options.isa, nullptr);
  ASSERT_TRUE(Parse({"kernel"}, {"auto"}, &options).ok());
  EXPECT_EQ(options.isa, &BestInstructionSet());
  ASSERT_TRUE(Parse({"profile"}, {"a b.json"}, &options).ok());
  EXPECT_EQ(options.profile, "a b.json");
  ASSERT_TRUE(Parse({"sparse_from_dense", "report"}, {"off", "a b.json"}, &options).ok());
  EXPECT_FALSE(options.claim.sparse_from_dense);
  EXPECT_EQ(options.report, "a b.json");
  ASSERT_TRUE(Parse({"weight_cache"}, {"a b.cache"}, &options).ok());
  EXPECT_EQ(options.weight_cache, "a b.cache");
  ASSERT_TRUE(Parse({"sparse_from_dense"}, {"on"}, &options).ok());
  EXPECT_TRUE(options.claim.sparse_from_dense);
  EXPECT_TRUE(options.rules.use_strips);
  ASSERT_TRUE(Parse({"without"}, {"strips"}, &options).ok());
  EXPECT_FALSE(options.rules.use_strips);
  EXPECT_TRUE(options.rules.skip_dead_pixels);
  ASSERT_TRUE(Parse({"without"}, {"fused_depthwise+dead_pixels"}, &options).ok());
  EXPECT_TRUE(options.rules.use_strips);
  EXPECT_FALSE(options.rules.skip_dead_pixels);
  EXPECT_FALSE(options.rules.fuse_depthwise);
  EXPECT_TRUE(options.rules.fuse_functions && options.rules.place_concatenations);
  ASSERT_TRUE(Parse({"without"}, {"fused_functions+placed_concatenations"}, &options).ok());
  EXPECT_FALSE(options.rules.fuse_functions || options.rules.place_concatenations);
}

TEST(OptionsTest, RefusesWhatItDoesNotKnow) {
  EXPECT_THAT(ErrorOf("threads", "2"), HasSubstr("no option 'threads'"));
  EXPECT_THAT(
      ErrorOf("threads", "2"),
      HasSubstr("backend, gpu_cache, gpu_device, gpu_tune, kernel, log, num_threads, precision, "
                "profile, report, sparse_from_dense, take, weight_cache, "));
  for (const char* bad : {"0", "-1", "65", "two", "", "2x", "1e99"}) {
    EXPECT_THAT(ErrorOf("num_threads", bad), HasSubstr("from 1 to 64")) << bad;
  }
  EXPECT_THAT(ErrorOf("kernel", "fast"), HasSubstr("portable"));
  EXPECT_THAT(ErrorOf("log", "loud"), HasSubstr("quiet or info"));
  for (const char* bad : {"", "1", "true", "On"}) {
    EXPECT_THAT(ErrorOf("sparse_from_dense", bad), HasSubstr("expected on or off.")) << bad;
  }
  for (const char* bad : {"", "all", "strips+", "+strips", "strips,dead_pixels"}) {
    EXPECT_THAT(ErrorOf("without", bad), HasSubstr("joined by '+'")) << bad;
  }
  EXPECT_THAT(ErrorOf("profile", ""), HasSubstr("the path of a file to write"));
  EXPECT_THAT(ErrorOf("report", ""), HasSubstr("the path of a file to write"));
  EXPECT_THAT(ErrorOf("weight_cache", ""), HasSubstr("the path of a file."));
  DelegateOptions options;
  EXPECT_THAT(Parse({"log", "log"}, {"info", "info"}, &options).message(), HasSubstr("twice"));
  EXPECT_FALSE(Parse({nullptr}, {"x"}, &options).ok());
}

}  // namespace
}  // namespace ubp
