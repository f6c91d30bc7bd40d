// SPDX-License-Identifier: Apache-2.0
// Kernels that resize images or move elements, over their edge axes.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "tests/cpp/opencl/kernels/kernel_tester.h"

namespace ubp::opencl {
namespace {

constexpr Precision kBoth[] = {Precision::kFp32, Precision::kFp16Storage};

// Of one axis, in float32 as TensorFlow Lite has it: the pixels before and behind, and how far between.
struct Sample {
  int lower, upper;
  float fraction;
};

Sample SampleOf(const ResizeOp& resize, int i, int in_size, int out_size) {
  float scale = static_cast<float>(in_size) / static_cast<float>(out_size);
  if (resize.align_corners && out_size > 1) {
    scale = static_cast<float>(in_size - 1) / static_cast<float>(out_size - 1);
  }
  const auto place = static_cast<float>(i);
  if (resize.kind == ResizeKind::kNearest) {
    const float at = (place + (resize.half_pixel_centers ? 0.5f : 0.0f)) * scale;
    const int nearest = static_cast<int>(resize.align_corners ? std::round(at) : std::floor(at));
    return {std::min(nearest, in_size - 1), 0, 0.0f};
  }
  const float at = resize.half_pixel_centers ? (place + 0.5f) * scale - 0.5f : place * scale;
  const int lower = std::max(static_cast<int>(std::floor(at)), 0);
  const int upper = std::max(std::min(static_cast<int>(std::ceil(at)), in_size - 1), 0);
  return {std::min(lower, in_size - 1), upper, at - static_cast<float>(lower)};
}

void CheckResize(const ResizeOp& resize, const Shape& shape, Precision precision) {
  SCOPED_TRACE(::testing::Message() << shape.height << "x" << shape.width << " to " << resize.height
                                    << "x" << resize.width << " corners " << resize.align_corners
                                    << " half " << resize.half_pixel_centers);
  KernelTester tester(precision);
  HostTensor in = tester.Random(shape, 1, NAN);
  HostTensor out({shape.batch, resize.height, resize.width, shape.channels}, 1,
                 KernelTester::kUntouched);
  ResizeCall call;
  call.resize = resize;
  call.input = tester.Upload(&in);
  call.output = tester.Upload(&out);
  EXPECT_TRUE(tester.Run(MakeResize, call));
  tester.Check(call.output, out, [&](int b, int y, int x, int c) -> double {
    const Sample row = SampleOf(resize, y, shape.height, resize.height);
    const Sample column = SampleOf(resize, x, shape.width, resize.width);
    if (resize.kind == ResizeKind::kNearest) return in.At(b, row.lower, column.lower, c);
    const auto across = [&](int pixel_y) {
      return in.At(b, pixel_y, column.lower, c) * (1.0 - column.fraction) +
             in.At(b, pixel_y, column.upper, c) * double{column.fraction};
    };
    return across(row.lower) * (1.0 - row.fraction) + across(row.upper) * double{row.fraction};
  });
}

TEST(Resize, SizesAndFlags) {
  for (const ResizeKind kind : {ResizeKind::kNearest, ResizeKind::kBilinear}) {
    for (const bool corners : {false, true}) {
      for (const bool half : {false, true}) {
        if (corners && half) continue;  // the importer takes none
        for (const auto& [height, width] :
             {std::pair{10, 14}, {3, 4}, {1, 1}, {13, 5}, {5, 7}, {57, 31}}) {
          ResizeOp resize;
          resize.kind = kind;
          resize.align_corners = corners;
          resize.half_pixel_centers = half;
          resize.height = height;
          resize.width = width;
          CheckResize(resize, {2, 5, 7, 3}, Precision::kFp32);
          CheckResize(resize, {1, 1, 1, 6}, Precision::kFp32);
        }
      }
    }
    ResizeOp resize;
    resize.kind = kind;
    resize.height = resize.width = 9;
    CheckResize(resize, {2, 5, 7, 3}, Precision::kFp16Storage);
  }
}

TEST(DepthToSpace, BlocksAndCrops) {
  for (const Precision precision : kBoth) {
    for (const auto& [block_h, block_w, top, left, height, width] : {std::tuple{2, 2, 0, 0, 8, 10},
                                                                     {2, 2, 1, 1, 7, 8},
                                                                     {3, 1, 2, 0, 5, 5},
                                                                     {1, 1, 0, 0, 4, 5},
                                                                     {1, 4, 0, 3, 4, 11}}) {
      KernelTester tester(precision);
      const int phases = block_h * block_w;
      HostTensor in = tester.Random({2, 4, 5, 3 * phases}, 1, NAN);
      HostTensor out({2, height, width, 3}, 1, KernelTester::kUntouched);
      DepthToSpaceCall call;
      call.input = tester.Upload(&in);
      call.output = tester.Upload(&out);
      call.block_h = block_h, call.block_w = block_w;
      call.crop_top = top, call.crop_left = left;
      EXPECT_TRUE(tester.Run(MakeDepthToSpace, call));
      tester.Check(call.output, out,
                   [&, bh = block_h, bw = block_w, t = top, l = left](int b, int y, int x, int c) {
                     const int phase = (y + t) % bh * bw + (x + l) % bw;
                     return in.At(b, (y + t) / bh, (x + l) / bw, phase * 3 + c);
                   });
    }
  }
}

TEST(SpaceToDepth, Blocks) {
  for (const Precision precision : kBoth) {
    for (const int block : {1, 2, 3}) {
      KernelTester tester(precision);
      HostTensor in = tester.Random({2, 3 * block, 5 * block, 3}, 1, NAN);
      HostTensor out({2, 3, 5, 3 * block * block}, 1, KernelTester::kUntouched);
      SpaceToDepthCall call;
      call.input = tester.Upload(&in);
      call.output = tester.Upload(&out);
      call.block = block;
      EXPECT_TRUE(tester.Run(MakeSpaceToDepth, call));
      tester.Check(call.output, out, [&](int b, int y, int x, int c) {
        const int phase = c / 3;
        return in.At(b, y * block + phase / block, x * block + phase % block, c % 3);
      });
    }
  }
}

void CheckCopy(const CopyCall& place, const Shape& from, const Shape& to, Precision precision) {
  KernelTester tester(precision);
  HostTensor in = tester.Random(from, 1, NAN);
  HostTensor out(to, 2, KernelTester::kUntouched);
  CopyCall call = place;
  call.input = tester.Upload(&in);
  call.output = tester.Upload(&out);
  EXPECT_TRUE(tester.Run(MakeCopy, call));
  tester.Check(call.output, out, [&](int b, int y, int x, int c) -> double {
    b -= call.batch, y -= call.top, x -= call.left, c -= call.channel;
    if (b >= 0 && b < from.batch && c >= 0 && c < from.channels && y >= 0 && y < from.height &&
        x >= 0 && x < from.width) {
      return in.At(b, y, x, c);
    }
    return call.fills ? call.around : KernelTester::kUntouched;
  });
}

TEST(Copy, PadAndConcatenation) {
  for (const Precision precision : kBoth) {
    CopyCall call;
    call.fills = true;
    call.top = 1, call.left = 2;
    CheckCopy(call, {2, 4, 5, 3}, {2, 6, 9, 3}, precision);
    CheckCopy(call, {2, 4, 0, 3}, {2, 6, 9, 3}, precision);  // an empty input
    call.around = -1.5f;
    CheckCopy(call, {2, 4, 5, 3}, {2, 6, 9, 3}, precision);
    call.batch = 1, call.channel = 3;
    CheckCopy(call, {1, 1, 1, 2}, {3, 3, 4, 6}, precision);
    call.fills = false;
    CheckCopy(call, {1, 2, 2, 2}, {3, 3, 4, 6}, precision);
    CheckCopy({}, {2, 4, 5, 3}, {2, 4, 5, 3}, precision);
    CopyCall channels;
    channels.channel = 2;
    CheckCopy(channels, {2, 4, 5, 3}, {2, 4, 5, 9}, precision);
  }
}

TEST(Copy, SaysWhatIsWrong) {
  KernelTester tester;
  HostTensor in = tester.Random({1, 4, 5, 3});
  HostTensor out({1, 4, 5, 3});
  CopyCall call;
  call.input = tester.Upload(&in);
  call.output = tester.Upload(&out);
  call.left = 1;
  Launch launch;
  const Status status = MakeCopy(tester.context(), tester.precision(), call, &launch);
  EXPECT_NE(status.message().find("inside"), std::string::npos) << status.message();
}

TEST(Reshape, AnyShapes) {
  for (const Precision precision : kBoth) {
    const Shape shapes[] = {
        {2, 3, 5, 4}, {2, 1, 1, 60}, {120, 1, 1, 1}, {1, 10, 4, 3}, {2, 5, 7, 1}};
    for (const Shape& from : shapes) {
      for (const Shape& to : shapes) {
        if (from.width == 7 && to.width != 7) continue;  // the input has fewer elements
        KernelTester tester(precision);
        HostTensor in = tester.Random(from, 1, NAN);
        HostTensor out(to, 1, KernelTester::kUntouched);
        ReshapeCall call;
        call.input = tester.Upload(&in);
        call.output = tester.Upload(&out);
        EXPECT_TRUE(tester.Run(MakeReshape, call));
        tester.Check(call.output, out, [&](int b, int y, int x, int c) {
          int i = ((b * to.height + y) * to.width + x) * to.channels + c;
          const int channel = i % from.channels;
          i /= from.channels;
          return in.At(i / from.width / from.height, i / from.width % from.height, i % from.width,
                       channel);
        });
      }
    }
  }
}

TEST(Transpose, BothWays) {
  for (const Precision precision : kBoth) {
    for (const Shape& image :
         {Shape{2, 4, 5, 3}, Shape{1, 1, 1, 60}, Shape{3, 20, 21, 17}, Shape{1, 7, 1, 1}}) {
      const Shape first = {image.batch, image.channels, image.height, image.width};
      for (const bool to_nhwc : {true, false}) {
        KernelTester tester(precision);
        HostTensor in = tester.Random(to_nhwc ? first : image, 1, NAN);
        HostTensor out(to_nhwc ? image : first, 2, KernelTester::kUntouched);
        TransposeCall call;
        call.to_nhwc = to_nhwc;
        call.input = tester.Upload(&in);
        call.output = tester.Upload(&out);
        EXPECT_TRUE(tester.Run(MakeTranspose, call));
        tester.Check(call.output, out, [&](int b, int y, int x, int c) {
          return to_nhwc ? in.At(b, c, y, x) : in.At(b, x, c, y);
        });
        call.to_nhwc = !to_nhwc;
        Launch launch;
        EXPECT_FALSE(MakeTranspose(tester.context(), precision, call, &launch).ok());
      }
    }
  }
}

TEST(Images, ToPlanesAndBack) {
  for (const Precision precision : kBoth) {
    for (const Shape& shape :
         {Shape{1, 1, 1, 1}, Shape{2, 5, 7, 3}, Shape{1, 1, 1, 1000}, Shape{3, 20, 21, 17}}) {
      KernelTester tester(precision);
      HostTensor planes(shape, 1, KernelTester::kUntouched);
      std::vector<float> image = tester.RandomValues(size_t{1} * shape.batch * shape.height *
                                                     shape.width * shape.channels);
      ToPlanesCall to;
      to.image = tester.UploadImage(image);
      to.output = tester.Upload(&planes);
      EXPECT_TRUE(tester.Run(MakeToPlanes, to));
      if (precision != Precision::kFp32) {
        for (float& value : image) value = RoundToHalf(value);
      }
      tester.Check(to.output, planes, [&](int b, int y, int x, int c) {
        return image[((b * shape.height + y) * shape.width + x) * shape.channels + c];
      });
      std::vector<float> canvas(image.size() + 5, KernelTester::kUntouched);
      ToImageCall from;
      from.input = to.output;
      from.image = tester.UploadImage(canvas);
      EXPECT_TRUE(tester.Run(MakeToImage, from));
      canvas = tester.DownloadImage(*from.image);
      for (size_t i = 0; i < canvas.size(); ++i) {
        ASSERT_EQ(canvas[i], i < image.size() ? image[i] : KernelTester::kUntouched) << i;
      }
    }
  }
}

}  // namespace
}  // namespace ubp::opencl
