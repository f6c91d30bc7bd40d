// SPDX-License-Identifier: Apache-2.0
// Padding on all four sides, as large as it may be: of PADs in front of windows, of windows that
// reach far, and of what a resize makes of them.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "delegate/cpu/operators/phase_planes.h"
#include "delegate/cpu/operators/plane_geometry.h"
#include "delegate/cpu/plan/layout.h"
#include "delegate/cpu/plan/verify_layout.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/cpp/test_graph.h"

namespace ubp {
namespace {

using ::testing::HasSubstr;

constexpr Pads kPads[] = {{0, 1, 0, 1}, {1, 0, 1, 0}, {1, 1, 1, 1}, {0, 3, 2, 0},
                          {3, 0, 0, 2}, {2, 2, 3, 3}, {0, 0, 0, 3}, {9, 0, 0, 9}};

// PAD behind a layer that writes planes, in front of a window.
class PadInFrontTest : public testing::TestWithParam<Pads> {
 protected:
  TestGraph test_{{2, 9, 7, 5}};
  int x_ = test_.Convolve(0, 8, 3, 1, Padding::kSame, true);
};

TEST_P(PadInFrontTest, OfConvolutions) {
  const int padded = test_.Pad(x_, GetParam());
  for (const int kernel : {1, 2, 3}) {
    for (const int stride : {1, 2, 3}) {
      const int y = test_.Convolve(padded, 20, kernel, stride, Padding::kValid, true);
      if (stride == 2) test_.MarkOutput(test_.Apply(Elementwise::kTanh, y));
      if (stride != 2) test_.MarkOutput(y);
    }
  }
  ExpectRuns(&test_);
}

TEST_P(PadInFrontTest, OfOneConvolutionAlone) {
  for (const int stride : {1, 2}) {
    TestGraph test({1, 13, 13, 4});
    const int x = test.Convolve(0, 8, 3, 1, Padding::kSame, false);
    test.MarkOutput(test.Convolve(test.Pad(x, GetParam()), 70, 1, stride, Padding::kValid, true));
    ExpectRuns(&test);
  }
}

TEST_P(PadInFrontTest, OfDepthwiseAndPooling) {
  const int padded = test_.Pad(x_, GetParam());
  for (const int kernel : {1, 3}) {
    for (const int stride : {1, 2, 3}) {
      test_.MarkOutput(test_.Depthwise(padded, kernel, stride, Padding::kValid));
      test_.MarkOutput(test_.MaxPool(padded, kernel, stride, Padding::kValid));
      test_.MarkOutput(test_.AveragePool(padded, kernel, stride, Padding::kValid));
    }
  }
  ExpectRuns(&test_);
}

TEST_P(PadInFrontTest, OfAnotherPad) {
  const int sum = test_.Sum(x_, x_);
  const int padded = test_.Pad(test_.Pad(sum, GetParam()), {0, 0, 2, 1});
  test_.MarkOutput(test_.Convolve(padded, 16, 1, 1, Padding::kValid, true));
  ExpectRuns(&test_);
}

// PADV2: windows that lie in the padding as a whole give the lowest number.
TEST_P(PadInFrontTest, OfMaximaThatIgnoreIt) {
  for (const float least : {-INFINITY, std::numeric_limits<float>::lowest()}) {
    const int padded = test_.Pad(x_, GetParam(), least);
    for (const int kernel : {1, 2, 3, 4}) {
      for (const int stride : {1, 2, 3, 12}) {
        test_.MarkOutput(test_.MaxPool(padded, kernel, stride, Padding::kValid));
      }
    }
  }
  GraphLayout layout;
  ASSERT_TRUE(MakeLayout(test_.graph(), test_.InputDims(), LayoutOptions(), &layout).ok());
  EXPECT_EQ(layout.ops.size(), 33u);  // the pads are part of the poolings
  ExpectRuns(&test_);
}

TEST_P(PadInFrontTest, WithNumbersThatNoWindowTakesIn) {
  for (const float value : {-1.0f, 0.25f, 3e38f}) {
    const int padded = test_.Pad(x_, GetParam(), value);
    test_.MarkOutput(padded);
    test_.MarkOutput(test_.MaxPool(padded, 3, 2, Padding::kValid));
    const int within = test_.Pad(x_, GetParam(), value);
    test_.MarkOutput(test_.MaxPool(within, 2, 1, Padding::kValid));
  }
  for (const float value : {-1.0f, 0.25f}) {
    const int padded = test_.Pad(x_, GetParam(), value);
    test_.MarkOutput(test_.Depthwise(padded, 3, 1, Padding::kValid));
    test_.MarkOutput(test_.Convolve(padded, 12, 3, 2, Padding::kValid, true));
    test_.MarkOutput(test_.AveragePool(padded, 3, 1, Padding::kValid));
  }
  const int least = test_.Pad(x_, GetParam(), -INFINITY);
  test_.MarkOutput(test_.MaxPool(least, 3, 1, Padding::kValid));
  test_.MarkOutput(test_.MaxPool(least, 3, 2, Padding::kSame));
  test_.MarkOutput(test_.Apply(OpType::kClamp, {least}, Activation::kRelu6));
  ExpectRuns(&test_);
}

INSTANTIATE_TEST_SUITE_P(Padding, PadInFrontTest, testing::ValuesIn(kPads), [](const auto& info) {
  const Pads& p = info.param;
  return std::to_string(p.top) + "_" + std::to_string(p.bottom) + "_" + std::to_string(p.left) +
         "_" + std::to_string(p.right);
});

// Output pixels that lie in the padding are computed, whatever the layer before skips.
TEST(DeadPixelsTest, NoneIsReadInThePadding) {
  TestGraph test({1, 8, 8, 4});
  const int x = test.Convolve(0, 8, 3, 1, Padding::kSame, true);
  test.MarkOutput(test.Convolve(test.Pad(x, {0, 1, 0, 1}), 4, 1, 2, Padding::kValid, true));
  GraphLayout layout;
  ASSERT_TRUE(MakeLayout(test.graph(), test.InputDims(), LayoutOptions(), &layout).ok());
  EXPECT_EQ(layout.ops[0].shape.stride_h, 1);
  ExpectRuns(&test);
}

// Strides multiply: beyond what a layer may have, nothing is skipped.
TEST(DeadPixelsTest, StridesDoNotOverflow) {
  TestGraph test({1, 3, 3, 4});
  int x = 0;
  for (int i = 0; i < 4; ++i) x = test.Convolve(x, 4, 1, kMaxWindow, Padding::kSame, true);
  test.MarkOutput(x);
  ExpectRuns(&test);
}

TEST(DroppedOpsTest, NobodyReadsWhatTheyWrite) {
  TestGraph test({1, 40, 40, 4});
  const int x = test.Convolve(0, 8, 3, 1, Padding::kSame, true);
  test.Convolve(test.Convolve(x, 8, 3, 1, Padding::kSame, true), 8, 3, 1, Padding::kSame, true);
  test.MarkOutput(test.Convolve(x, 8, 3, 1, Padding::kSame, true));
  GraphLayout layout;
  ASSERT_TRUE(MakeLayout(test.graph(), test.InputDims(), LayoutOptions(), &layout).ok());
  EXPECT_EQ(layout.ops.size(), 2u);
  PlanRules strips;
  strips.row_buffer_elements = strips.least_strip_pixels = 1;
  ExpectRuns(&test, strips);
}

LayerAttributes Window(int kernel, int stride, int dilation, Padding padding) {
  LayerAttributes attributes;
  attributes.kernel_h = attributes.kernel_w = kernel;
  attributes.stride_h = attributes.stride_w = stride;
  attributes.dilation_h = attributes.dilation_w = dilation;
  attributes.padding = padding;
  return attributes;
}

TEST(ConvShapeTest, CountsPaddingOnAllSides) {
  for (const int kernel : {1, 2, 3, 5}) {
    for (const int stride : {1, 2, 4, 7}) {
      for (const int dilation : {1, 2, 9}) {
        for (const Padding padding : {Padding::kSame, Padding::kValid}) {
          for (const Pads& pads : kPads) {
            const LayerAttributes attributes = Window(kernel, stride, dilation, padding);
            ConvShape s;
            if (!MakeConvShape(attributes, 1, 9, 6, pads, &s).ok()) continue;
            const int last = (s.out_h - 1) * stride + (kernel - 1) * dilation - s.pad_top;
            EXPECT_EQ(s.pad_bottom, std::max(0, last - 8));
            const int right = (s.out_w - 1) * stride + (kernel - 1) * dilation - s.pad_left;
            EXPECT_EQ(s.pad_right, std::max(0, right - 5));
          }
        }
      }
    }
  }
}

// The taps inside are found by trying every output pixel.
TEST(ConvShapeTest, FindsTheTapsThatReadTheImage) {
  for (const int dilation : {1, 3, 8, 100}) {
    for (const int stride : {1, 2, 5}) {
      for (const Pads& pads : kPads) {
        const LayerAttributes attributes = Window(7, stride, dilation, Padding::kSame);
        ConvShape s;
        ASSERT_TRUE(MakeConvShape(attributes, 1, 11, 4, pads, &s).ok());
        const TapRange rows = s.RowsInside();
        for (int tap = 0; tap < 7; ++tap) {
          bool reads = false;
          for (int y = 0; y < s.out_h; ++y) {
            const int row = y * stride + tap * dilation - s.pad_top;
            reads = reads || (row >= 0 && row < 11);
          }
          if (reads) {
            EXPECT_TRUE(rows.begin <= tap && tap < rows.end) << tap;
          }
        }
        // Only what the stride leaves out lies between them.
        EXPECT_LE((rows.end - rows.begin) * dilation, 11 + (s.out_h - 1) * stride + 2 * dilation);
      }
    }
  }
}

TEST(ConvShapeTest, IsPointwiseOnlyWithoutPadding) {
  ConvShape s;
  ASSERT_TRUE(MakeConvShape(Window(1, 1, 3, Padding::kValid), 1, 8, 8, &s).ok());
  EXPECT_TRUE(s.pointwise());
  for (const Pads& pads : kPads) {
    ASSERT_TRUE(MakeConvShape(Window(1, 1, 3, Padding::kValid), 1, 8, 8, pads, &s).ok());
    EXPECT_FALSE(s.pointwise());
  }
}

TEST(ConvShapeTest, RefusesPaddingThatTensorFlowLiteRefuses) {
  ConvShape s;
  EXPECT_TRUE(MakeConvShape(Window(24, 1, 2848, Padding::kSame), 1, 8, 8, &s).ok());
  EXPECT_FALSE(s.AllTapsInside());
  const Status status = MakeConvShape(Window(24, 1, 2850, Padding::kSame), 1, 8, 8, &s);
  EXPECT_THAT(status.message(), HasSubstr("more padding than 32767 pixels"));
}

TEST(PlaneGeometryTest, RefusesWhatThirtyTwoBitsCannotCount) {
  PlaneGeometry geometry;
  EXPECT_TRUE(MakePlaneGeometry(0, 5, {1, 1}, &geometry).ok());
  EXPECT_EQ(geometry.flat_pixels(), 0);
  const Status status = MakePlaneGeometry(8, 8, {47104, 47104}, &geometry);
  EXPECT_THAT(status.message(), HasSubstr("8 x 8 pixels with its padding is too large"));
}

// What a tap that never meets the image reads takes one plane, not as many rows as it is away.
TEST(PlanesTest, DoNotGrowWithTheDilation) {
  ConvShape s;
  ASSERT_TRUE(MakeConvShape(Window(3, 1, kMaxWindow, Padding::kSame), 1, 8, 8, &s).ok());
  s.in_c = 2;
  const auto pitch = static_cast<int>(PhasePlanes::MinPitch(s));
  EXPECT_EQ(pitch, 8);
  ASSERT_TRUE(PhasePlanes::Check(s, s.out_h, pitch).ok());
  EXPECT_LT(PhasePlanes(s, s.out_h, pitch).floats(), 1000);
  EXPECT_THAT(PhasePlanes::Check(s, s.out_h, 7).message(), HasSubstr("expected at least 8"));
}

// The verifier finds what a pass could leave behind.
TEST(VerifyLayoutTest, FindsFaults) {
  TestGraph test({1, 40, 40, 4});
  const int x = test.Convolve(0, 8, 3, 1, Padding::kSame, true);
  const int y = test.Convolve(x, 8, 3, 2, Padding::kSame, true);
  const int z = test.Convolve(y, 8, 3, 1, Padding::kSame, true);
  test.MarkOutput(test.Apply(OpType::kConcatenation, {z, test.Sum(y, z)}));
  LayoutOptions options;
  options.rules.row_buffer_elements = options.rules.least_strip_pixels = 1;
  options.threads = 2;
  const std::vector<std::function<void(GraphLayout*)>> changes = {
      [](GraphLayout* l) { std::swap(l->ops[0], l->ops[1]); },
      [](GraphLayout* l) { l->ops[1].output = l->ops[0].output; },
      [](GraphLayout* l) { l->ops[0].shape.pad_bottom = 0; },
      [](GraphLayout* l) { l->ops[0].shape.out_w = 39; },
      [](GraphLayout* l) { l->tensors[l->ops[1].input].dims[1] = 41; },
      [](GraphLayout* l) {
        l->tensors[l->ops.back().input].nhwc = false;
        l->tensors[l->ops.back().input].planes = false;
      },
      [](GraphLayout* l) { l->tensors[l->ops[2].input].geometry.halo.columns = 0; },
      [](GraphLayout* l) { l->tensors[l->ops[2].input].geometry.lead = 16; },
      [](GraphLayout* l) { l->tensors[l->ops[2].input].geometry.plane_stride -= 16; },
      [](GraphLayout* l) { l->strips.front().buffer_rows.assign(9, 1); },
      [](GraphLayout* l) { l->strips.front().bands.pop_back(); },
      [](GraphLayout* l) { l->strips.front().bands[1].pop_back(); },
  };
  GraphLayout sound;
  ASSERT_TRUE(MakeLayout(test.graph(), test.InputDims(), options, &sound).ok());
  ASSERT_FALSE(sound.strips.empty());
  EXPECT_TRUE(VerifyLayout(sound).ok()) << VerifyLayout(sound).message();
  for (size_t i = 0; i < changes.size(); ++i) {
    GraphLayout layout;
    ASSERT_TRUE(MakeLayout(test.graph(), test.InputDims(), options, &layout).ok());
    changes[i](&layout);
    EXPECT_FALSE(VerifyLayout(layout).ok()) << "change " << i;
  }
}

}  // namespace
}  // namespace ubp
