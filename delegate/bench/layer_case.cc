// SPDX-License-Identifier: Apache-2.0
#include "delegate/bench/layer_case.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <utility>

#include "delegate/cpu/operators/block_size.h"
#include "delegate/cpu/operators/phase_planes.h"
#include "delegate/cpu/operators/plane_operators.h"
#include "delegate/format/packed_layer.h"

namespace ubp {
namespace {

Status ReadFile(const std::string& path, std::vector<uint8_t>* bytes) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status::Error(path + ": cannot be opened.");
  bytes->assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  return Status::Ok();
}

bool SameShape(const ConvShape& a, const ConvShape& b) {
  return std::memcmp(&a, &b, sizeof(ConvShape)) == 0;  // all members are of one type: no padding
}

// The halo that a stride-1 window of `shape` reads in place, and at least that of a 3x3 window:
// other layers of the same resolution have one in the networks that are measured.
Halo HaloInNetwork(const ConvShape& s) {
  Halo halo{1, static_cast<int>(std::max<int64_t>(1, PhasePlanes::MinPitch(s) - s.out_w))};
  if (!s.unit_stride()) return halo;
  const Halo needed = HaloFor(s);
  return {std::max(halo.rows, needed.rows), std::max(halo.columns, needed.columns)};
}

// The shape as which a layer is run inside a chain. Its attributes become those of that shape.
Status ShapeInChain(const LayerCaseSpec& spec, LayerAttributes* attributes, ConvShape* shape) {
  UBP_RETURN_IF_ERROR(MakeConvShape(*attributes, 1, spec.in_h, spec.in_w, shape));
  const bool skips_pixels =
      shape->kernel_h == 1 && shape->kernel_w == 1 && !shape->unit_stride() && !spec.image_input;
  if (!skips_pixels) return Status::Ok();
  attributes->stride_h = attributes->stride_w = 1;
  return MakeConvShape(*attributes, 1, shape->out_h, shape->out_w, shape);
}

Status MakeLayout(const ConvShape& s, bool image_input, ConvLayout* layout) {
  const Halo halo = HaloInNetwork(s);
  if (!image_input && s.in_h * s.in_w > 1) {
    UBP_RETURN_IF_ERROR(MakePlaneGeometry(s.in_h, s.in_w, halo, &layout->input.emplace()));
  }
  if (s.out_h * s.out_w > 1) {
    UBP_RETURN_IF_ERROR(MakePlaneGeometry(s.out_h, s.out_w, halo, &layout->output.emplace()));
  }
  return Status::Ok();
}

std::vector<float> RandomFloats(size_t size) {
  std::vector<float> floats(size);
  uint32_t state = 1;
  for (float& value : floats) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int32_t>(state)) / 0x1p31f;
  }
  return floats;
}

}  // namespace

Status LayerCase::Make(const LayerCaseSpec& spec, std::unique_ptr<LayerCase>* layer_case) {
  if (spec.stems.empty()) return Status::Error("a case has at least one variant.");
  std::unique_ptr<LayerCase> made(new LayerCase(spec.threads));
  for (const std::string& stem : spec.stems) {
    const Status status = made->AddVariant(spec, stem);
    if (!status.ok()) return Status::Error(stem + ": " + status.message());
  }
  made->MakeActivations();
  *layer_case = std::move(made);
  return Status::Ok();
}

Status LayerCase::ReadVariant(const std::string& stem, Variant* variant) {
  UBP_RETURN_IF_ERROR(ReadFile(stem + ".options", &variant->options));
  UBP_RETURN_IF_ERROR(ReadFile(stem + ".packed", &variant->packed));
  LayerAttributes& attributes = variant->weights.attributes;
  UBP_RETURN_IF_ERROR(ReadAttributes(OpKind::kConv2D, variant->options.data(),
                                     variant->options.size(), &attributes));
  return PackedLayer::Check(attributes, variant->packed.data(), variant->packed.size(), nullptr,
                            &variant->weights.packed);
}

Status LayerCase::AddVariant(const LayerCaseSpec& spec, const std::string& stem) {
  auto variant = std::make_unique<Variant>();
  UBP_RETURN_IF_ERROR(ReadVariant(stem, variant.get()));
  LayerAttributes& attributes = variant->weights.attributes;
  ConvShape shape;
  UBP_RETURN_IF_ERROR(ShapeInChain(spec, &attributes, &shape));
  if (variants_.empty()) {
    shape_ = shape;
    UBP_RETURN_IF_ERROR(MakeLayout(shape, spec.image_input, &layout_));
  } else if (!SameShape(shape, shape_)) {
    return Status::Error("its shape is not that of the variants before.");
  }
  variant->multiply_adds =
      int64_t{attributes.num_blocks} * attributes.block_size * shape.out_pixels();
  KernelWeights weights;
  UBP_RETURN_IF_ERROR(
      MakeKernelWeights(variant->weights, KernelBlockSize(variant->weights, *spec.isa), &weights));
  const PackedLayerWeights packed = {std::make_shared<const KernelWeights>(std::move(weights)),
                                     attributes.lanes(), attributes.activation};
  UBP_RETURN_IF_ERROR(
      MakeWrosConvolution(packed, shape, layout_, *spec.isa, spec.threads, &variant->convolution));
  variants_.push_back(std::move(variant));
  return Status::Ok();
}

void LayerCase::MakeActivations() {
  const ConvShape& s = shape_;
  image_ = RandomFloats(size_t{1} * s.in_h * s.in_w * s.in_c);
  input_ = AlignedBuffer(layout_.input ? layout_.input->floats(s.in_c) : image_.size());
  if (layout_.input) {
    ImageToPlanes(PlaneTensor{*layout_.input, 1, s.in_c}, image_.data(), input_.data(), &pool_);
  } else {
    std::copy(image_.begin(), image_.end(), input_.data());
  }
  output_ = AlignedBuffer(layout_.output ? layout_.output->floats(s.out_c)
                                         : static_cast<size_t>(s.out_pixels() * s.out_c));
  size_t scratch = 0;
  for (const auto& variant : variants_) {
    scratch = std::max(scratch, variant->convolution->scratch_floats());
  }
  scratch_ = AlignedBuffer(scratch);
}

void LayerCase::Run(int variant) {
  ConvBuffers buffers;
  buffers.input = input_.data();
  buffers.output = output_.data();
  buffers.scratch = scratch_.data();
  variants_[variant]->convolution->Run(buffers, &pool_);
}

std::vector<float> LayerCase::Output() {
  std::vector<float> image(shape_.out_pixels() * shape_.out_c);
  if (layout_.output) {
    PlanesToImage(PlaneTensor{*layout_.output, 1, shape_.out_c}, output_.data(), image.data(),
                  &pool_);
  } else {
    std::copy_n(output_.data(), image.size(), image.begin());
  }
  return image;
}

}  // namespace ubp
