// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/model_maker.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "delegate/format/attributes.h"
#include "tensorflow/lite/builtin_ops.h"
#include "tests/cpp/test_layer.h"

namespace ubp {
namespace {

int32_t WordOf(float value) {
  int32_t word;
  std::memcpy(&word, &value, sizeof(word));
  return word;
}

// What TFLite's sparse encoding stores of a tensor whose last dimension is sparse, in blocks of `block` where that is above 1.
struct Sparse {
  Encoding encoding;
  std::vector<float> values;
};

Sparse EncodeSparse(const Dims& dims, const std::vector<float>& dense, int block) {
  Sparse sparse;
  Encoding& encoding = sparse.encoding;
  const int last = dims.back() / block;
  for (size_t d = 0; d + 1 < dims.size(); ++d)
    encoding.levels.push_back({kTfLiteDimDense, dims[d], {}, {}});
  encoding.levels.push_back({kTfLiteDimSparseCSR, 0, {0}, {}});
  std::vector<int>& indices = encoding.levels.back().indices;
  std::vector<int>& segments = encoding.levels.back().segments;
  for (auto row = dense.begin(); row != dense.end(); row += dims.back()) {
    for (int i = 0; i < last; ++i) {
      const auto begin = row + i * block;
      if (std::all_of(begin, begin + block, [](float value) { return value == 0; })) continue;
      indices.push_back(i);
      sparse.values.insert(sparse.values.end(), begin, begin + block);
    }
    segments.push_back(static_cast<int>(indices.size()));
  }
  if (block > 1) {
    encoding.block_map = {static_cast<int>(dims.size()) - 1};
    encoding.levels.push_back({kTfLiteDimDense, block, {}, {}});
  }
  encoding.traversal_order.resize(encoding.levels.size());
  std::iota(encoding.traversal_order.begin(), encoding.traversal_order.end(), 0);
  return sparse;
}

// TfLitePadding.
enum : int32_t { kPaddingSame = 1, kPaddingValid = 2 };
int32_t PaddingWord(bool same) { return same ? kPaddingSame : kPaddingValid; }

}  // namespace

void ModelMaker::Make() {
  activations_.push_back(Activation({Size(2), Size(12), Size(12), Size(9)}));
  const int nodes = Size(6);
  for (int i = 0; i < nodes; ++i) AddNode();
  std::set<int> outputs;
  if (input_->Flag()) outputs.insert(Some(0));
  model_->SetModelOutputs(outputs);
  damaged_ = input_->Flag();
  if (damaged_) {
    for (int i = Size(3); i > 0; --i) Damage();
  }
}

void ModelMaker::AddNode() {
  const int image = Some(4);
  switch (input_->Below(16)) {
    case 0:
      return AddConvolution(image, false);
    case 1:
      return AddConvolution(image, true);
    case 2:
      return AddPackedConvolution(image);
    case 3:
      return input_->Flag() ? AddPackedTransposeConv(image) : AddTransposeConv(image);
    case 4:
      return AddDense(Some(2));
    case 5:
      return AddPackedDense(Some(2));
    case 6:
      return AddPool(image);
    case 7:
      return AddMean(image);
    case 8:
      return AddPad(image);
    case 9:
      return AddResample(image);
    case 10:
      return input_->Flag() ? AddTranspose(image) : AddReshape(Some(0));
    case 11:
      return AddConcatenation(Some(0));
    case 12:
    case 13:
      return AddArithmetic(Some(0));
    case 14:
      return AddUnary(Some(0));
    default:
      return AddLeft(Some(0));
  }
}

int ModelMaker::Some(size_t rank) {
  const int first = input_->Below(256);
  for (size_t i = 0; i < activations_.size(); ++i) {
    const int tensor = activations_[(first + i) % activations_.size()];
    if (rank == 0 || model_->DimsOf(tensor).size() == rank) return tensor;
  }
  Dims dims = {Size(3), Size(12)};
  if (rank == 4) dims = {1, Size(12), Size(12), Size(9)};
  activations_.push_back(Activation(dims));
  return activations_.back();
}

int ModelMaker::Activation(const Dims& dims) {
  constexpr int64_t kMostElements = 1 << 20;  // what transposed convolutions in a row exceed
  int64_t elements = 1;
  for (const int size : dims) elements = std::min(elements * std::max(size, 1), kMostElements + 1);
  large_ = large_ || elements > kMostElements;
  return model_->Activation(dims, "tensor");
}

int ModelMaker::Weights(const Dims& dims, int lanes) {
  uint32_t state = input_->Take<uint16_t>();
  const uint32_t zeros = input_->Take<uint8_t>();
  const int form = input_->Below(8);
  const auto count = static_cast<size_t>(ElementsOf(dims));
  std::vector<float> values(count);
  std::vector<uint16_t> bits(count);
  for (size_t i = 0; i < count; ++i) {
    state = state * 1664525 + 1013904223;
    if (state >> 24 < zeros) continue;
    values[i] = static_cast<float>(static_cast<int>(state >> 16 & 63) - 32) /
                static_cast<float>(16 * lanes);
    bits[i] =
        static_cast<uint16_t>((state & 0x8000) | (0x2C00 + (state >> 16 & 0x3FF)));  // about 1/16
  }
  if (form == 1) {
    const int block = dims.back() % 2 == 0 ? 2 : 1;
    const Sparse sparse = EncodeSparse(dims, values, block);
    const int densified = Activation(dims);
    model_->Node(kTfLiteBuiltinDensify, {model_->Sparse(dims, sparse.encoding, sparse.values)},
                 {densified}, Words{});
    return densified;
  }
  if (form > 1) {
    const int floats = model_->Floats(values);
    model_->SetDims(floats, dims);
    return floats;
  }
  const int widened = Activation(dims);
  model_->Node(kTfLiteBuiltinDequantize, {model_->Halves(dims, bits)}, {widened}, Words{});
  return widened;
}

int ModelMaker::Bias(int channels) {
  return input_->Flag() ? Weights({channels}, 1) : kTfLiteOptionalTensor;
}

int ModelMaker::OutputSize(int size, int kernel, int stride, int dilation, bool* same) {
  const int reach = (kernel - 1) * dilation + 1;
  if (reach > size) *same = true;
  return *same ? (size + stride - 1) / stride : (size - reach) / stride + 1;
}

void ModelMaker::Add(int code, std::vector<int> inputs, int output, const Words& parameters) {
  model_->Node(code, std::move(inputs), {output}, parameters);
  activations_.push_back(output);
}

void ModelMaker::AddCustom(const char* name, const std::vector<uint8_t>& options,
                           std::vector<int> inputs, int output) {
  model_->CustomNode(name, options, std::move(inputs), {output});
  activations_.push_back(output);
}

void ModelMaker::AddConvolution(int input, bool depthwise) {
  const Dims in = model_->DimsOf(input);
  const int kernel_h = Size(5), kernel_w = Size(5), stride_h = Size(3), stride_w = Size(3);
  const int dilation_h = Size(3), dilation_w = Size(3), activation = input_->Below(4);
  const int channels = depthwise ? in[3] : Size(20);
  bool same = input_->Flag();
  OutputSize(in[1], kernel_h, stride_h, dilation_h, &same);
  const int width = OutputSize(in[2], kernel_w, stride_w, dilation_w, &same);
  const int height = OutputSize(in[1], kernel_h, stride_h, dilation_h, &same);
  const int lanes = kernel_h * kernel_w * (depthwise ? 1 : in[3]);
  const int filter = Weights(
      depthwise ? Dims{1, kernel_h, kernel_w, channels} : Dims{channels, kernel_h, kernel_w, in[3]},
      lanes);
  const int output = Activation({in[0], height, width, channels});
  const std::vector<int> inputs = {input, filter, Bias(channels)};
  if (depthwise) {
    Add(kTfLiteBuiltinDepthwiseConv2d, inputs, output,
        {PaddingWord(same), stride_w, stride_h, 1, activation, dilation_w, dilation_h});
  } else {
    Add(kTfLiteBuiltinConv2d, inputs, output,
        {PaddingWord(same), stride_w, stride_h, activation, dilation_w, dilation_h});
  }
}

void ModelMaker::AddPackedConvolution(int input) {
  const Dims in = model_->DimsOf(input);
  LayerAttributes a;
  a.in_channels = in[3];
  a.kernel_h = Size(4), a.kernel_w = Size(4), a.stride_h = Size(3), a.stride_w = Size(3);
  a.dilation_h = Size(3), a.dilation_w = Size(3);
  a.block_size = 1 << input_->Below(5);
  a.out_channels = a.block_size + input_->Below(20);
  a.activation = static_cast<ubp::Activation>(input_->Below(4));
  a.value_type = static_cast<ValueType>(input_->Below(3));
  bool same = input_->Flag();
  OutputSize(in[1], a.kernel_h, a.stride_h, a.dilation_h, &same);
  const int width = OutputSize(in[2], a.kernel_w, a.stride_w, a.dilation_w, &same);
  const int height = OutputSize(in[1], a.kernel_h, a.stride_h, a.dilation_h, &same);
  a.padding = same ? Padding::kSame : Padding::kValid;
  const double density = input_->Take<uint8_t>() / 255.0;
  const bool with_bias = input_->Flag();
  const TestLayer layer = MakeTestLayer(a, density / a.lanes(), with_bias, input_->Take<uint8_t>());
  const int packed = model_->Bytes(layer.packed);
  const int bias = with_bias ? model_->Floats(layer.bias) : kTfLiteOptionalTensor;
  AddCustom(kConv2DName, layer.options, {input, packed, bias},
            Activation({in[0], height, width, a.out_channels}));
}

void ModelMaker::AddTransposeConv(int input) {
  const Dims in = model_->DimsOf(input);
  const int kernel_h = Size(5), kernel_w = Size(5), stride_h = Size(3), stride_w = Size(3);
  const int channels = Size(12), activation = input_->Below(4);
  const bool same = input_->Flag();
  const auto size = [&](int from, int kernel, int stride) {
    return (from - 1) * stride + (same ? stride : std::max(kernel, stride));
  };
  const Dims out = {in[0], size(in[1], kernel_h, stride_h), size(in[2], kernel_w, stride_w),
                    channels};
  const int filter = Weights({channels, kernel_h, kernel_w, in[3]}, kernel_h * kernel_w * in[3]);
  std::vector<int> inputs = {model_->Ints(out), filter, input};
  if (input_->Flag()) inputs.push_back(Bias(channels));
  Add(kTfLiteBuiltinTransposeConv, inputs, Activation(out),
      {PaddingWord(same), stride_w, stride_h, activation});
}

void ModelMaker::AddPackedTransposeConv(int input) {
  const Dims in = model_->DimsOf(input);
  LayerAttributes a;
  a.kind = OpKind::kTransposeConv2D;
  a.in_channels = in[3];
  a.block_h = Size(3), a.block_w = Size(3);
  a.kernel_h = Size(3), a.kernel_w = Size(3);
  a.pads = {a.kernel_h - 1, input_->Below(2), a.kernel_w - 1, input_->Below(2)};
  a.crop = {input_->Below(a.block_h), 0, input_->Below(a.block_w), 0};
  a.block_size = 1 << input_->Below(3);
  a.out_channels = a.block_h * a.block_w * (a.block_size + input_->Below(8));
  a.activation = static_cast<ubp::Activation>(input_->Below(4));
  const double density = input_->Take<uint8_t>() / 255.0;
  const TestLayer layer = MakeTestLayer(a, density / a.lanes(), false, input_->Take<uint8_t>());
  const int height = (in[1] + a.pads.bottom) * a.block_h - a.crop.top;
  const int width = (in[2] + a.pads.right) * a.block_w - a.crop.left;
  AddCustom(OpName(a.kind), layer.options, {input, model_->Bytes(layer.packed)},
            Activation({in[0], height, width, a.out_channels / (a.block_h * a.block_w)}));
}

void ModelMaker::AddResample(int input) {
  const Dims in = model_->DimsOf(input);
  const int kind = input_->Below(4);
  const int block = 1 + input_->Below(3);
  if (kind == 0 && in[3] % (block * block) == 0) {
    return Add(kTfLiteBuiltinDepthToSpace, {input},
               Activation({in[0], in[1] * block, in[2] * block, in[3] / (block * block)}), {block});
  }
  if (kind == 1 && in[1] % block == 0 && in[2] % block == 0) {
    return Add(kTfLiteBuiltinSpaceToDepth, {input},
               Activation({in[0], in[1] / block, in[2] / block, in[3] * block * block}), {block});
  }
  const Dims out = {in[0], Size(24), Size(24), in[3]};
  const int rule = input_->Below(4);  // the bytes of two flags
  Add(kind == 2 ? kTfLiteBuiltinResizeBilinear : kTfLiteBuiltinResizeNearestNeighbor,
      {input, model_->Ints({out[1], out[2]})}, Activation(out),
      {rule == 1   ? 1
       : rule == 2 ? 256
       : rule == 3 ? 257
                   : 0});
}

void ModelMaker::AddDense(int input) {
  const Dims in = model_->DimsOf(input);
  const int channels = Size(20), activation = input_->Below(4);
  const bool keep_dims = input_->Flag();
  const int matrix = Weights({channels, in.back()}, in.back());
  Add(kTfLiteBuiltinFullyConnected, {input, matrix, Bias(channels)}, Activation({in[0], channels}),
      {activation, 0, keep_dims});
}

void ModelMaker::AddPackedDense(int input) {
  const Dims in = model_->DimsOf(input);
  LayerAttributes a;
  a.kind = OpKind::kFullyConnected;
  a.in_channels = in.back();
  a.block_size = 1 << input_->Below(5);
  a.out_channels = a.block_size + input_->Below(20);
  a.keep_num_dims = input_->Flag();
  a.value_type = static_cast<ValueType>(input_->Below(3));
  const double density = input_->Take<uint8_t>() / 255.0;
  const TestLayer layer = MakeTestLayer(a, density / a.lanes(), false, input_->Take<uint8_t>());
  AddCustom(kFullyConnectedName, layer.options, {input, model_->Bytes(layer.packed)},
            Activation({in[0], a.out_channels}));
}

void ModelMaker::AddPool(int input) {
  const Dims in = model_->DimsOf(input);
  const int window_h = Size(5), window_w = Size(5), stride_h = Size(3), stride_w = Size(3);
  bool same = input_->Flag();
  OutputSize(in[1], window_h, stride_h, 1, &same);
  const int width = OutputSize(in[2], window_w, stride_w, 1, &same);
  const int height = OutputSize(in[1], window_h, stride_h, 1, &same);
  const int code = input_->Flag() ? kTfLiteBuiltinMaxPool2d : kTfLiteBuiltinAveragePool2d;
  Add(code, {input}, Activation({in[0], height, width, in[3]}),
      {PaddingWord(same), stride_w, stride_h, window_w, window_h, input_->Below(4)});
}

void ModelMaker::AddMean(int input) {
  const Dims in = model_->DimsOf(input);
  const bool keep_dims = input_->Flag();
  const std::vector<int32_t> kAxes[] = {{1, 2}, {-2, -3}, {2, 3}, {-1, 2}};
  const int form = input_->Below(4);
  const bool channels_first = form >= 2;
  const int channels = in[channels_first ? 1 : 3];
  Dims out = {in[0], channels};
  if (keep_dims) out.insert(out.begin() + (channels_first ? 2 : 1), 2, 1);
  Add(kTfLiteBuiltinMean, {input, model_->Ints(kAxes[form])}, Activation(out), {keep_dims});
}

void ModelMaker::AddPad(int input) {
  Dims dims = model_->DimsOf(input);
  std::vector<int32_t> pads(8, 0);
  for (int i = 2; i < 6; ++i) pads[i] = input_->Below(4);
  dims[1] += pads[2] + pads[3];
  dims[2] += pads[4] + pads[5];
  const int table = model_->Ints(pads);
  model_->SetDims(table, {4, 2});
  if (input_->Flag()) return Add(kTfLiteBuiltinPad, {input, table}, Activation(dims));
  const float value = input_->Flag() ? -INFINITY : input_->Take<float>();
  Add(kTfLiteBuiltinPadv2, {input, table, model_->Floats({value})}, Activation(dims));
}

void ModelMaker::AddTranspose(int input) {
  const Dims in = model_->DimsOf(input);
  const bool to_nhwc = input_->Flag();
  const std::vector<int32_t> order =
      to_nhwc ? std::vector<int32_t>{0, 2, 3, 1} : std::vector<int32_t>{0, 3, 1, 2};
  const Dims out = {in[0], in[order[1]], in[order[2]], in[order[3]]};
  Add(kTfLiteBuiltinTranspose, {input, model_->Ints(order)}, Activation(out));
}

void ModelMaker::AddReshape(int input) {
  const Dims in = model_->DimsOf(input);
  Dims out = {in.front(), static_cast<int>(ElementsOf(in) / std::max(1, in.front()))};
  if (in.size() == 2) out = {in[0], 1, 1, in[1]};
  const int shape = model_->Ints(out);
  if (input_->Below(4) == 0) return AddShapeChain(input, shape);
  Add(kTfLiteBuiltinReshape, {input, shape}, Activation(out));
}

// RESHAPE(x, PACK(STRIDED_SLICE(SHAPE(x)), ...)), as the converter writes it where the batch is open.
void ModelMaker::AddShapeChain(int input, int shape) {
  const Dims in = model_->DimsOf(input);
  const auto computed = [&](const Dims& dims) {
    const int tensor = model_->Activation(dims);
    model_->tensor(tensor).type = kTfLiteInt32;
    return tensor;
  };
  const int sizes = computed({static_cast<int>(in.size())}), batch = computed({}),
            packed = computed({2});
  model_->Node(kTfLiteBuiltinShape, {input}, {sizes}, Words{});
  model_->Node(kTfLiteBuiltinStridedSlice,
               {sizes, model_->Ints({0}), model_->Ints({1}), model_->Ints({1})}, {batch}, Words{});
  model_->Node(kTfLiteBuiltinPack, {batch, model_->Ints({-1})}, {packed}, Words{});
  const int rest = static_cast<int>(ElementsOf(in) / std::max(1, in.front()));
  Add(kTfLiteBuiltinReshape, {input, input_->Below(4) == 0 ? shape : packed},
      Activation({in.front(), rest}));
}

void ModelMaker::AddConcatenation(int input) {
  Dims dims = model_->DimsOf(input);
  std::vector<int> inputs = {input};
  const int axis = input_->Flag() ? -1 : static_cast<int>(dims.size()) - 1;
  for (int i = input_->Below(3); i > 0; --i) {
    Dims other = model_->DimsOf(input);
    const int tensor = Some(0);
    Dims found = model_->DimsOf(tensor);
    if (found.size() == other.size() && std::equal(found.begin(), found.end() - 1, other.begin())) {
      other.back() = found.back();
      inputs.push_back(tensor);
    } else {
      inputs.push_back(Activation(other));
      activations_.push_back(inputs.back());
    }
    dims.back() += other.back();
  }
  Add(kTfLiteBuiltinConcatenation, inputs, Activation(dims), {axis, 0});
}

void ModelMaker::AddArithmetic(int input) {
  constexpr int kCodes[] = {kTfLiteBuiltinAdd, kTfLiteBuiltinSub, kTfLiteBuiltinMul};
  const Dims dims = model_->DimsOf(input);
  int second = Some(dims.size() == 4 ? 4 : 0);
  switch (input_->Below(4)) {
    case 0:
      second = Weights({dims.back()}, 1);
      break;
    case 1:
      second = Weights({1}, 1);
      break;
    case 2:
      second = activations_.emplace_back(Activation(dims));
      break;
    default:
      if (model_->DimsOf(second) != dims && dims.size() == 4) {
        second =
            activations_.emplace_back(Activation({input_->Flag() ? 1 : dims[0], 1, 1, dims[3]}));
      }
  }
  std::vector<int> inputs = {input, second};
  if (input_->Flag()) std::swap(inputs[0], inputs[1]);
  Add(kCodes[input_->Below(3)], inputs, Activation(dims), {input_->Below(4)});
}

void ModelMaker::AddUnary(int input) {
  constexpr int kCodes[] = {
      kTfLiteBuiltinRelu,      kTfLiteBuiltinReluN1To1, kTfLiteBuiltinRelu6,
      kTfLiteBuiltinLeakyRelu, kTfLiteBuiltinHardSwish, kTfLiteBuiltinLogistic,
      kTfLiteBuiltinTanh,      kTfLiteBuiltinSoftmax,   kTfLiteBuiltinPrelu,
      kTfLiteBuiltinElu,       kTfLiteBuiltinGelu};
  const int code = kCodes[input_->Below(std::size(kCodes))];
  const Dims dims = model_->DimsOf(input);
  std::vector<int> inputs = {input};
  if (code == kTfLiteBuiltinPrelu) inputs.push_back(Weights({1, 1, dims.back()}, 1));
  Add(code, inputs, Activation(dims), {WordOf(static_cast<float>(Size(4)) / 4.0f)});
}

void ModelMaker::AddLeft(int input) {
  constexpr int kCodes[] = {kTfLiteBuiltinNeg, kTfLiteBuiltinTranspose, kTfLiteBuiltinCustom,
                            kTfLiteBuiltinDelegate, 200};
  const int code = kCodes[input_->Below(std::size(kCodes))];
  const int output = Activation(model_->DimsOf(input));
  if (code == kTfLiteBuiltinCustom)
    return AddCustom(input_->Flag() ? "Other" : nullptr, {1, 2}, {input}, output);
  Add(code, {input}, output);
}

int ModelMaker::AnySize() {
  constexpr int kNan = 0x7FC00000;
  constexpr int kSizes[] = {0,  -1,   1,    2,    3,       4,       5,          7,         16,
                            64, 4095, 4096, 4097, 1 << 16, 1 << 24, 0x7FFFFFFF, INT32_MIN, kNan};
  const int size = kSizes[input_->Below(std::size(kSizes))];
  large_ = large_ || size > 64 || size < -64;
  return size;
}

void ModelMaker::Damage() {
  if (input_->Flag()) {
    DamageTensor(input_->Below(model_->num_tensors()));
  } else {
    DamageNode(input_->Below(model_->num_nodes()));
  }
}

void ModelMaker::DamageTensor(int index) {
  constexpr TfLiteType kTypes[] = {kTfLiteFloat32, kTfLiteFloat16, kTfLiteFloat64, kTfLiteInt4,
                                   kTfLiteInt8,    kTfLiteUInt8,   kTfLiteInt16,   kTfLiteInt32,
                                   kTfLiteInt64,   kTfLiteString};
  constexpr TfLiteAllocationType kAllocations[] = {kTfLiteMmapRo, kTfLiteArenaRw, kTfLiteDynamic};
  static TfLiteSparsity sparsity{};
  TfLiteTensor& tensor = model_->tensor(index);
  Dims dims = model_->DimsOf(index);
  switch (input_->Below(9)) {
    case 0:
      tensor.type = kTypes[input_->Below(std::size(kTypes))];
      break;
    case 1:
      tensor.allocation_type = kAllocations[input_->Below(std::size(kAllocations))];
      break;
    case 2:
      if (tensor.allocation_type == kTfLiteMmapRo && tensor.data.raw != nullptr)
        model_->Misalign(index);
      break;
    case 3:
      if (tensor.sparsity == nullptr) {
        tensor.sparsity = &sparsity;
      } else {
        DamageSparsity(tensor.sparsity);
      }
      break;
    case 4:
      if (tensor.bytes > 0) tensor.bytes -= 1;
      break;
    case 5:
      if (!dims.empty()) dims[input_->Below(static_cast<int>(dims.size()))] = AnySize();
      model_->SetDims(index, dims);
      break;
    case 6:
      dims.resize(input_->Below(6), 1);
      model_->SetDims(index, dims);
      break;
    case 7:
      if (!dims.empty()) dims[input_->Below(static_cast<int>(dims.size()))] = -1;
      model_->SetSignature(index, dims);
      break;
    default:
      tensor.data.raw = nullptr;
      tensor.name = input_->Flag() ? "a;b" : nullptr;
  }
}

void ModelMaker::DamageSparsity(TfLiteSparsity* sparsity) {
  const auto damage = [&](TfLiteIntArray* array) {
    if (array != nullptr && array->size > 0)
      array->data[input_->Take<uint16_t>() % array->size] = AnySize();
  };
  if (sparsity->dim_metadata_size == 0) return;
  TfLiteDimensionMetadata& level =
      sparsity->dim_metadata[input_->Below(sparsity->dim_metadata_size)];
  switch (input_->Below(7)) {
    case 0:
      return damage(sparsity->traversal_order);
    case 1:
      return damage(sparsity->block_map);
    case 2:
      return damage(level.array_segments);
    case 3:
      return damage(level.array_indices);
    case 4:
      level.dense_size = AnySize();
      return;
    case 5:
      level.format = static_cast<TfLiteDimensionType>(input_->Below(3) % 2);
      return;
    default:
      sparsity->dim_metadata_size -= 1;
  }
}

void ModelMaker::DamageNode(int index) {
  TfLiteNode& node = model_->node(index);
  const auto as_vector = [](const TfLiteIntArray& array) {
    return std::vector<int>(array.data, array.data + array.size);
  };
  std::vector<int> inputs = as_vector(*node.inputs), outputs = as_vector(*node.outputs);
  const int tensor = input_->Between(-1, model_->num_tensors());
  switch (input_->Below(8)) {
    case 0:
      if (node.builtin_data != nullptr) model_->params<Words>(index)[input_->Below(8)] = AnySize();
      break;
    case 1:
      if (!inputs.empty()) inputs[input_->Below(static_cast<int>(inputs.size()))] = tensor;
      model_->SetInputs(inputs, index);
      break;
    case 2:
      inputs.resize(input_->Below(5), tensor);
      model_->SetInputs(inputs, index);
      break;
    case 3:
      outputs.resize(input_->Below(3), tensor);
      model_->SetOutputs(outputs, index);
      break;
    case 4:
      if (!outputs.empty()) outputs[0] = tensor;
      model_->SetOutputs(outputs, index);
      break;
    case 5:
      node.builtin_data = nullptr;
      break;
    case 6:
      // The interpreter knows of ints and enums what a number means; a constant may hold any.
      for (const int constant : inputs) {
        if (constant < 0 || constant >= model_->num_tensors()) continue;
        TfLiteTensor& ints = model_->tensor(constant);
        if (ints.type != kTfLiteInt32 || ints.allocation_type != kTfLiteMmapRo ||
            ints.bytes < sizeof(int32_t) || ints.data.raw == nullptr)
          continue;
        const int32_t size = AnySize();
        const size_t at = input_->Take<uint8_t>() % (ints.bytes / sizeof(int32_t));
        std::memcpy(ints.data.raw + at * sizeof(size), &size, sizeof(size));
      }
      break;
    default:
      if (auto* options = static_cast<uint8_t*>(const_cast<void*>(node.custom_initial_data))) {
        const int size = node.custom_initial_data_size;
        if (size > 0) options[input_->Take<uint8_t>() % size] ^= input_->Take<uint8_t>();
        if (input_->Flag()) node.custom_initial_data_size = size - input_->Below(256);
      }
  }
}

}  // namespace ubp
