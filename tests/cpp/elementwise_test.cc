// SPDX-License-Identifier: Apache-2.0
// Elementwise kernels of every instruction set, and the operators on top of them, against the standard
// library in double precision.

#include "delegate/cpu/operators/elementwise.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "delegate/cpu/operators/copy_rows.h"
#include "delegate/cpu/operators/softmax.h"
#include "gtest/gtest.h"

namespace ubp {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kMax = std::numeric_limits<float>::max();
constexpr float kMin = std::numeric_limits<float>::min();
constexpr ActivationRange kNoRange = {-kInfinity, kInfinity};

// sqrt(2 / pi) * (a + 0.044715 a^3).
double GeluArgument(double a) { return std::sqrt(2.0 / M_PI) * (a + 0.044715 * a * a * a); }

struct FunctionCase {
  const char* name;
  Elementwise function;
  double (*reference)(double a, double b, double c, double s, double t);
};

const FunctionCase kFunctions[] = {
    {"Add", Elementwise::kAdd, [](double a, double b, double, double, double) { return a + b; }},
    {"Subtract", Elementwise::kSubtract,
     [](double a, double b, double, double, double) { return a - b; }},
    {"Multiply", Elementwise::kMultiply,
     [](double a, double b, double, double, double) { return a * b; }},
    {"Scale", Elementwise::kScale,
     [](double a, double, double, double s, double t) { return a * s + t; }},
    {"MultiplyAdd", Elementwise::kMultiplyAdd,
     [](double a, double b, double c, double, double) { return a * b + c; }},
    {"LeakyRelu", Elementwise::kLeakyRelu,
     [](double a, double, double, double s, double) { return a < 0.0 ? a * s : a; }},
    {"PRelu", Elementwise::kPRelu,
     [](double a, double b, double, double, double) { return a < 0.0 ? a * b : a; }},
    {"Elu", Elementwise::kElu,
     [](double a, double, double, double, double) { return a < 0.0 ? std::expm1(a) : a; }},
    {"HardSwish", Elementwise::kHardSwish,
     [](double a, double, double, double, double) {
       return std::isnan(a) ? a : a * (std::min(6.0, std::max(0.0, a + 3.0)) / 6.0);
     }},
    {"Logistic", Elementwise::kLogistic,
     [](double a, double, double, double, double) { return 1.0 / (1.0 + std::exp(-a)); }},
    {"Swish", Elementwise::kSwish,
     [](double a, double, double, double, double) { return a * (1.0 / (1.0 + std::exp(-a))); }},
    {"Mish", Elementwise::kMish,
     [](double a, double, double, double, double) {
       return a * std::tanh(std::log1p(std::exp(a)));
     }},
    {"Gelu", Elementwise::kGelu,
     [](double a, double, double, double, double) {
       return a * (0.5 * std::erfc(-a * std::sqrt(0.5)));
     }},
    {"GeluTanh", Elementwise::kGeluTanh,
     [](double a, double, double, double, double) {
       return a / (1.0 + std::exp(-2.0 * GeluArgument(a)));
     }},
    {"Tanh", Elementwise::kTanh,
     [](double a, double, double, double, double) { return std::tanh(a); }},
    {"Exp", Elementwise::kExp,
     [](double a, double, double, double s, double t) { return std::exp((a + t) * s); }},
    {"Log", Elementwise::kLog,
     [](double a, double, double, double, double) { return std::log(a); }},
    {"Softplus", Elementwise::kSoftplus,
     [](double a, double, double, double, double) {
       const double power = std::exp(a);
       return std::log1p(power > kMax ? kMax : power);
     }},
};

std::vector<const InstructionSet*> SupportedFamilies() {
  std::vector<const InstructionSet*> isas;
  for (const InstructionSet* isa : AllInstructionSets()) {
    if (isa->supported()) isas.push_back(isa);
  }
  return isas;
}

// Values of every size and sign, and all that is not a number.
std::vector<float> ManyValues() {
  std::vector<float> values = {0.0f, -0.0f, kNaN, kInfinity, -kInfinity, kMax, -kMax, kMin, -kMin};
  for (float x = 1e-30f; x < 1e30f; x *= 7.3f) values.insert(values.end(), {x, -x});
  for (float x = -105.0f; x < 105.0f; x += 0.037f) values.push_back(x);
  return values;
}

// What the rounding error of a result is proportional to: of a sum, the size of its operands; of
// what rounds the exponent of exp, that too.
double ErrorScale(const FunctionCase& function, const ElementwiseArgs& args, double a, double b,
                  double c, double expected) {
  switch (function.function) {
    case Elementwise::kSubtract:
      return std::abs(a) + std::abs(b);
    case Elementwise::kAdd:
    case Elementwise::kMultiply:
    case Elementwise::kScale:
    case Elementwise::kMultiplyAdd:
      return function.reference(std::abs(a), std::abs(b), c, args.s, args.t);
    case Elementwise::kExp:
      return expected * (1.0 + std::min(100.0, std::abs(a + args.t) * args.s));
    case Elementwise::kLogistic:
    case Elementwise::kSwish:
    case Elementwise::kMish:
    case Elementwise::kSoftplus:
      return std::abs(expected) * (1.0 + std::clamp(-a, 0.0, 100.0) / 4.0);
    case Elementwise::kGelu:  // a / 2 + a / 2 * erf(..)
    case Elementwise::kGeluTanh:
    case Elementwise::kHardSwish:  // a * (a / 6 + 1 / 2)
      return std::isinf(a) ? std::abs(expected) : std::abs(a);
    default:
      return std::abs(expected);
  }
}

class ElementwiseKernelTest : public testing::TestWithParam<FunctionCase> {};

INSTANTIATE_TEST_SUITE_P(All, ElementwiseKernelTest, testing::ValuesIn(kFunctions),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(ElementwiseKernelTest, IsAccurateAndKeepsWhatIsNoNumber) {
  const std::vector<float> a = ManyValues();
  std::vector<float> b(a.rbegin(), a.rend()), c(a.size(), 2.5f);
  for (const InstructionSet* isa : SupportedFamilies()) {
    std::vector<float> output(a.size());
    ElementwiseArgs args{a.data(), b.data(), c.data(), 1.25f, 0.375f};
    args.output = output.data();
    args.count = static_cast<ptrdiff_t>(a.size());
    args.min = -kInfinity;
    args.max = kInfinity;
    isa->KernelFor(GetParam().function)(args);
    for (size_t i = 0; i < a.size(); ++i) {
      const double expected = GetParam().reference(a[i], b[i], c[i], args.s, args.t);
      if (std::isnan(expected)) {
        ASSERT_TRUE(std::isnan(output[i])) << isa->name << " at " << a[i];
      } else if (std::abs(expected) > kMax) {
        ASSERT_EQ(output[i], expected > 0 ? kInfinity : -kInfinity) << isa->name << " " << a[i];
      } else {
        const double tolerance = 4e-7 * ErrorScale(GetParam(), args, a[i], b[i], c[i], expected);
        ASSERT_NEAR(output[i], expected, tolerance + 200 * kMin) << isa->name << " " << a[i];
      }
    }
  }
}

TEST_P(ElementwiseKernelTest, TouchesJustItsValuesAndClampsAndMasks) {
  constexpr int kLength = 70, kGuard = 16;
  const InstructionSet& portable = *AllInstructionSets().back();
  std::vector<float> a, b, c;
  std::vector<uint32_t> mask;
  const float first = GetParam().function == Elementwise::kLog ? 0.05f : -3.0f;
  for (int i = 0; i < kLength; ++i) {
    a.push_back(0.1f * static_cast<float>(i) + first);
    b.push_back(1.5f - 0.2f * static_cast<float>(i));
    c.push_back(static_cast<float>(i % 5));
    mask.push_back(i % 3 == 1 ? 0u : ~0u);
  }
  for (const InstructionSet* isa : SupportedFamilies()) {
    for (int count = 0; count <= kLength - kGuard; ++count) {
      ElementwiseArgs args{a.data(), b.data(), c.data(), 0.5f, 0.25f, mask.data()};
      args.count = count;
      args.min = -1.0f;
      args.max = 1.25f;
      std::vector<float> expected(kLength, -77.0f);
      args.output = expected.data();
      portable.KernelFor(GetParam().function)(args);
      std::vector<float> in_place = a;
      args.a = args.output = in_place.data();
      isa->KernelFor(GetParam().function)(args);
      for (int i = 0; i < kLength; ++i) {
        if (i >= count) {
          ASSERT_EQ(in_place[i], a[i]) << "count " << count;
          ASSERT_EQ(expected[i], -77.0f) << "count " << count;
        } else if (mask[i] == 0) {
          ASSERT_EQ(in_place[i], 0.0f) << "count " << count;
        } else {
          ASSERT_NEAR(in_place[i], expected[i], 1e-6) << "count " << count;
          ASSERT_GE(in_place[i], -1.0f);
          ASSERT_LE(in_place[i], 1.25f);
        }
      }
    }
  }
}

class ElementwiseVectorTest : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(VectorBatch, ElementwiseVectorTest, testing::Values(1, 2));

TEST_P(ElementwiseVectorTest, TakesTheNumbersOfEachImageOrOfAll) {
  const int vector_batch = GetParam();
  PlaneTensor tensor{{}, 2, 7};
  ASSERT_TRUE(MakePlaneGeometry(3, 5, {1, 1}, &tensor.geometry).ok());
  const PlaneGeometry& geometry = tensor.geometry;
  const int planes = tensor.batch * tensor.channels;
  std::vector<float> input(geometry.floats(planes), 0.0f), vector;
  for (int i = 0; i < vector_batch * tensor.channels; ++i) {
    vector.push_back(static_cast<float>(i) - 3.0f);
  }
  vector[1] = kInfinity;  // makes NaN of zeros that are no pixels
  for (int plane = 0; plane < planes; ++plane) {
    for (int y = 0; y < geometry.height; ++y) {
      for (int x = 0; x < geometry.width; ++x) {
        input[plane * geometry.plane_stride + geometry.lead + y * geometry.pitch + x] =
            static_cast<float>(plane + 10 * y - x) + 0.5f;
      }
    }
  }
  for (const InstructionSet* isa : SupportedFamilies()) {
    for (const bool first : {false, true}) {
      std::vector<float> output(input.size(), 0.0f);
      ThreadPool pool(2);
      ElementwiseVector(Elementwise::kSubtract, first, tensor, vector_batch, kNoRange, *isa)
          .Run(input.data(), vector.data(), output.data(), &pool);
      std::vector<float> expected = input;
      for (int plane = 0; plane < planes; ++plane) {
        const float number = vector[plane % vector.size()];
        float* const first_pixel = &expected[plane * geometry.plane_stride + geometry.lead];
        for (int i = 0; i < geometry.flat_pixels(); ++i) {
          if ((*geometry.mask)[i] == 0) continue;
          first_pixel[i] = first ? number - first_pixel[i] : first_pixel[i] - number;
        }
      }
      EXPECT_EQ(output, expected) << isa->name;
    }
  }
}

class SoftmaxTest : public testing::TestWithParam<int> {};

INSTANTIATE_TEST_SUITE_P(Classes, SoftmaxTest, testing::Values(1, 2, 7, 16, 33, 1000));

TEST_P(SoftmaxTest, AgreesWithTheStandardLibrary) {
  const SoftmaxShape shape{3, GetParam()};
  std::vector<float> input;
  for (int i = 0; i < shape.rows * shape.classes; ++i) {
    // The second row is huge, and would overflow without care.
    const float base = i / shape.classes == 1 ? 1000.0f : 0.0f;
    input.push_back(base + 5.0f * std::sin(static_cast<float>(i)));
  }
  for (const InstructionSet* isa : SupportedFamilies()) {
    for (const float beta : {1.0f, 0.3f}) {
      std::vector<float> output(input.size());
      ThreadPool pool(2);
      Softmax(shape, beta, input.data(), output.data(), *isa, &pool);
      for (int row = 0; row < shape.rows; ++row) {
        const float* const x = &input[row * shape.classes];
        double sum = 0.0;
        for (int c = 0; c < shape.classes; ++c) sum += std::exp(double{beta} * (x[c] - x[0]));
        for (int c = 0; c < shape.classes; ++c) {
          const double expected = std::exp(double{beta} * (x[c] - x[0])) / sum;
          EXPECT_NEAR(output[row * shape.classes + c], expected, 2e-6 * expected) << isa->name;
        }
      }
    }
  }
}

TEST(SoftmaxNaNTest, SpoilsItsRowOnly) {
  for (const float bad : {kNaN, kInfinity}) {
    for (const InstructionSet* isa : SupportedFamilies()) {
      const std::vector<float> input = {1, bad, 3, 1, -kMax, kMax};
      std::vector<float> output(input.size());
      ThreadPool pool(1);
      Softmax({2, 3}, 1.0f, input.data(), output.data(), *isa, &pool);
      for (int i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(output[i]));
      EXPECT_EQ(std::vector<float>(output.begin() + 3, output.end()),
                (std::vector<float>{0, 0, 1}));
    }
  }
}

struct CopyCase {
  int64_t rows, length, stride;
};

class RowCopyTest : public testing::TestWithParam<CopyCase> {};

INSTANTIATE_TEST_SUITE_P(Shapes, RowCopyTest,
                         testing::Values(CopyCase{1, 1, 1}, CopyCase{1, 50000, 50000},
                                         CopyCase{3, 40000, 40007}, CopyCase{20000, 3, 5},
                                         CopyCase{7, 16384, 16384}));

TEST_P(RowCopyTest, CopiesEveryRowAndNothingElse) {
  const auto [rows, length, stride] = GetParam();
  std::vector<float> from(rows * length), to(rows * stride, -1.0f), expected = to;
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<float>(i);
  for (int64_t r = 0; r < rows; ++r) {
    std::copy_n(&from[r * length], length, &expected[r * stride]);
  }
  ThreadPool pool(3);
  constexpr int64_t kBytes = sizeof(float);
  RowCopy{rows, length * kBytes, stride * kBytes}.Run(from.data(), to.data(), &pool);
  EXPECT_EQ(to, expected);
}

}  // namespace
}  // namespace ubp
