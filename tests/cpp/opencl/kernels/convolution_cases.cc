// SPDX-License-Identifier: Apache-2.0
#include "tests/cpp/opencl/kernels/convolution_cases.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "delegate/opencl/kernels/dense_weights.h"
#include "delegate/opencl/kernels/sparse_weights.h"

namespace ubp::opencl {
namespace {

struct Block {
  int start;
  int lane;
};

// Where lane k of a window reads for output pixel (0, 0).
struct Place {
  int y, x, channel;
};

Place PlaceOf(const Window& window, int channels, int lane) {
  const int tap = lane / channels;
  const int pad = window.dilation * (window.kernel - 1) / 2;
  return {tap / window.kernel * window.dilation - pad, tap % window.kernel * window.dilation - pad,
          lane % channels};
}

int32_t OffsetOf(const Place& place, const Planes& planes) {
  return place.channel * planes.plane + place.y * planes.row + place.x;
}

Shape OutputOf(const Shape& input, const Window& window, int channels) {
  return {input.batch, (input.height + window.stride - 1) / window.stride,
          (input.width + window.stride - 1) / window.stride, channels};
}

int HaloOf(const Window& window) { return window.dilation * (window.kernel - 1); }

void PutExtremes(HostTensor* tensor) {
  const float extremes[] = {NAN, INFINITY, -INFINITY, 3e38f, -3e38f};
  int i = 0;
  tensor->ForEach([&](int b, int y, int x, int c) {
    if (++i % 37 == 0) tensor->At(b, y, x, c) = extremes[i / 37 % 5];
  });
}

// Sorted by start channel and lane; without overlap, in fours of neighbouring channels where wanted.
std::vector<Block> RandomBlocks(const SparseCase& c, int lanes, std::mt19937* random) {
  std::bernoulli_distribution keep(c.density);
  std::vector<Block> blocks;
  std::vector<int> free_from(lanes, 0);
  for (int start = 0; start + c.block_size <= c.out_channels; ++start) {
    for (int lane = 0; lane + c.lanes_together <= lanes; lane += c.lanes_together) {
      if (free_from[lane] > start || !keep(*random)) continue;
      for (int i = 0; i < c.lanes_together; ++i) {
        blocks.push_back({start, lane + i});
        free_from[lane + i] = start + c.block_size;
      }
    }
  }
  return blocks;
}

// A layer in blocks with its arrays on the host.
struct SparseLayer {
  std::vector<Block> blocks;
  std::vector<int32_t> first, offsets, ranges;
  std::vector<float> values, bias;
};

SparseLayer MakeLayer(const SparseCase& c, const Planes& in, KernelTester* tester) {
  const int lanes = c.window.kernel * c.window.kernel * c.input.channels;
  SparseLayer layer;
  layer.blocks = RandomBlocks(c, lanes, tester->random());
  layer.values = tester->RandomValues(layer.blocks.size() * c.block_size);
  layer.bias = tester->RandomValues(c.out_channels);
  layer.bias.resize(c.out_channels + 2 * c.block_size, 0.0f);
  layer.first.assign(c.out_channels + 1, 0);
  for (const Block& block : layer.blocks) {
    ++layer.first[block.start + 1];
    layer.offsets.push_back(OffsetOf(PlaceOf(c.window, c.input.channels, block.lane), in));
  }
  for (int s = 0; s < c.out_channels; ++s) layer.first[s + 1] += layer.first[s];
  layer.ranges = CutRanges(layer.first, c.block_size, c.ranges);
  if (c.lanes_together == 4) {
    layer.offsets = FoursOf(layer.first, layer.offsets, in.plane);
    EXPECT_EQ(layer.offsets.size() * 4, layer.blocks.size()) << "fours were not found";
  }
  return layer;
}

// Sums before the epilogue, as the output is laid out.
std::vector<double> SumsOf(const SparseCase& c, const SparseLayer& layer, const HostTensor& in,
                           const HostTensor& out) {
  std::vector<double> sums(out.memory.size());
  const auto at = [&](int b, int y, int x, int channel) -> double& {
    return sums[out.planes.origin + b * out.planes.image + channel * out.planes.plane +
                y * out.planes.row + x];
  };
  out.ForEach(
      [&](int b, int y, int x, int channel) { at(b, y, x, channel) = layer.bias[channel]; });
  for (size_t i = 0; i < layer.blocks.size(); ++i) {
    const Place place = PlaceOf(c.window, c.input.channels, layer.blocks[i].lane);
    for (int j = 0; j < c.block_size; ++j) {
      const int channel = layer.blocks[i].start + j;
      const double value = layer.values[i * c.block_size + channel % c.block_size];
      for (int b = 0; b < out.shape.batch; ++b) {
        for (int y = 0; y < out.shape.height; ++y) {
          for (int x = 0; x < out.shape.width; ++x) {
            at(b, y, x, channel) += value * in.Padded(b, y * c.window.stride + place.y,
                                                      x * c.window.stride + place.x, place.channel);
          }
        }
      }
    }
  }
  return sums;
}

}  // namespace

std::ostream& operator<<(std::ostream& os, const Shape& s) {
  return os << s.batch << "x" << s.height << "x" << s.width << "x" << s.channels;
}

std::ostream& operator<<(std::ostream& os, const Window& w) {
  return os << " kernel " << w.kernel << " stride " << w.stride << " dilation " << w.dilation;
}

std::ostream& operator<<(std::ostream& os, const SparseCase& c) {
  return os << c.input << " to " << c.out_channels << c.window << " N=" << c.block_size
            << " V=" << c.pixels_per_item << " tile " << c.tile << " lanes " << c.lanes_together
            << " ranges " << c.ranges << " density " << c.density;
}

std::ostream& operator<<(std::ostream& os, const DenseCase& c) {
  return os << c.input << " to " << c.out_channels << c.window << " M=" << c.channels_per_item
            << " V=" << c.pixels_per_item << " tile " << c.tile;
}

std::vector<float> CheckSparse(const SparseCase& c, Precision precision) {
  SCOPED_TRACE(::testing::Message() << c);
  KernelTester tester(precision);
  HostTensor in = tester.Random(c.input, HaloOf(c.window));
  if (c.extremes) PutExtremes(&in);
  HostTensor out(OutputOf(c.input, c.window, c.out_channels), 1, KernelTester::kUntouched);
  HostTensor residual = tester.Random(out.shape, 2);
  const SparseLayer layer = MakeLayer(c, in.planes, &tester);
  const std::vector<float> slopes = tester.RandomValues(c.out_channels);
  SparseConvolutionCall call;
  call.input = tester.Upload(&in);
  call.output = tester.Upload(&out);
  if (c.finish.residual) call.residual = tester.Upload(&residual);
  call.epilogue = EpilogueOf(c.finish, slopes, &tester);
  call.block_size = c.block_size;
  call.lanes_together = c.lanes_together;
  call.tile = c.tile;
  call.wide_addresses = c.wide_addresses;
  call.pixels_per_item = c.pixels_per_item;
  call.first = tester.Upload(layer.first);
  call.offsets = tester.Upload(layer.offsets);
  call.values = tester.Upload(layer.values);
  call.bias = tester.Upload(layer.bias);
  call.ranges = tester.Upload(layer.ranges);
  call.range_count = static_cast<int>(layer.ranges.size()) - 1;
  call.stride_h = call.stride_w = c.window.stride;
  EXPECT_TRUE(tester.Run(MakeSparseConvolution, call));
  const std::vector<double> sums = SumsOf(c, layer, in, out);
  tester.Check(call.output, out, [&](int b, int y, int x, int channel) {
    const Planes& p = out.planes;
    double sum = sums[p.origin + b * p.image + channel * p.plane + y * p.row + x];
    if (c.finish.residual) sum += residual.At(b, y, x, channel);
    return Finished(c.finish, sum, c.finish.channels ? slopes[channel] : kFunctionNumber);
  });
  tester.Download(call.output, &out);
  return out.memory;
}

void CheckDense(const DenseCase& c, Precision precision) {
  SCOPED_TRACE(::testing::Message() << c);
  KernelTester tester(precision);
  HostTensor in = tester.Random(c.input, HaloOf(c.window));
  if (c.extremes) PutExtremes(&in);
  HostTensor out(OutputOf(c.input, c.window, c.out_channels), 1, KernelTester::kUntouched);
  HostTensor residual = tester.Random(out.shape, 2);
  const int lanes = c.window.kernel * c.window.kernel * c.input.channels;
  std::vector<int32_t> offsets;
  for (int k = 0; k < lanes; ++k) {
    offsets.push_back(OffsetOf(PlaceOf(c.window, c.input.channels, k), in.planes));
  }
  const std::vector<float> weights = tester.RandomValues(size_t{1} * c.out_channels * lanes);
  const std::vector<float> bias = tester.RandomValues(c.out_channels);
  const std::vector<float> slopes = tester.RandomValues(c.out_channels);
  const DenseWeights packed =
      PackDense(weights.data(), bias.data(), c.out_channels, lanes, c.channels_per_item);
  DenseConvolutionCall call;
  call.input = tester.Upload(&in);
  call.output = tester.Upload(&out);
  if (c.finish.residual) call.residual = tester.Upload(&residual);
  call.epilogue = EpilogueOf(c.finish, slopes, &tester);
  call.channels_per_item = c.channels_per_item;
  call.pixels_per_item = c.pixels_per_item;
  call.tile = c.tile;
  call.wide_addresses = c.wide_addresses;
  call.lanes = lanes;
  call.offsets = tester.Upload(offsets);
  call.weights = tester.Upload(packed.weights);
  call.bias = tester.Upload(packed.bias);
  call.stride_h = call.stride_w = c.window.stride;
  EXPECT_TRUE(tester.Run(MakeDenseConvolution, call));
  tester.Check(call.output, out, [&](int b, int y, int x, int channel) {
    double sum = bias[channel];
    for (int k = 0; k < lanes; ++k) {
      const Place place = PlaceOf(c.window, c.input.channels, k);
      sum +=
          double{weights[size_t{1} * channel * lanes + k]} *
          in.Padded(b, y * c.window.stride + place.y, x * c.window.stride + place.x, place.channel);
    }
    if (c.finish.residual) sum += residual.At(b, y, x, channel);
    return Finished(c.finish, sum, c.finish.channels ? slopes[channel] : kFunctionNumber);
  });
}

void CheckFullyConnected(const FullyConnectedCase& c, Precision precision) {
  SCOPED_TRACE(::testing::Message() << c.rows << " rows, " << c.in_channels << " to "
                                    << c.out_channels << " M=" << c.channels_per_item);
  KernelTester tester(precision);
  HostTensor in = tester.Random({c.rows, 1, 1, c.in_channels});
  HostTensor out({c.rows, 1, 1, c.out_channels}, 0, KernelTester::kUntouched);
  const std::vector<float> weights =
      tester.RandomValues(size_t{1} * c.out_channels * c.in_channels);
  const std::vector<float> bias = tester.RandomValues(c.out_channels);
  const std::vector<float> slopes = tester.RandomValues(c.out_channels);
  const DenseWeights packed =
      PackDense(weights.data(), bias.data(), c.out_channels, c.in_channels, c.channels_per_item);
  FullyConnectedCall call;
  call.input = tester.Upload(&in);
  call.output = tester.Upload(&out);
  call.epilogue = EpilogueOf(c.finish, slopes, &tester);
  call.channels_per_item = c.channels_per_item;
  call.weights = tester.Upload(packed.weights);
  call.bias = tester.Upload(packed.bias);
  EXPECT_TRUE(tester.Run(MakeFullyConnected, call));
  tester.Check(call.output, out, [&](int b, int, int, int channel) {
    double sum = bias[channel];
    for (int k = 0; k < c.in_channels; ++k) {
      sum += double{weights[size_t{1} * channel * c.in_channels + k]} * in.At(b, 0, 0, k);
    }
    return Finished(c.finish, sum, c.finish.channels ? slopes[channel] : kFunctionNumber);
  });
}

}  // namespace ubp::opencl
