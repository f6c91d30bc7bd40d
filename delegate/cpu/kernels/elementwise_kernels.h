// SPDX-License-Identifier: Apache-2.0
// The elementwise kernels; `Simd` as in simd.h. Beside Simd's own functions they use the operators
// + - * / that compilers define on its vectors.
//
// Exponentials: with n the integer nearest to y / ln 2 and r = y - n ln 2, |r| <= ln(2) / 2,
//
//   exp(y) = 2^n (1 + p),   p = exp(r) - 1 = r q(r)
//
// where q is a polynomial of degree 5, fitted for the least largest error of exp (2e-9, relative).
// 2^n is made by shifting n into the exponent: n = -127 gives 0 and n = 128 infinity, so that
// clamping y gives what is too small or too large for a float without a case of its own. EXP itself
// is made of 2^(n - 1), doubled in the end, and so exact up to the largest float.
//
// In LOGISTIC, swish, mish and softplus the exponential is a part of a sum, and may be less exact:
//
//   exp(y) = 2^n p(f),   f = y / ln 2 - n
//
// with a p of degree 5, fitted likewise (1.4e-7), and 1 / ln 2 in one part (1.3e-8 |y|).
//
// Logarithms: with x = 2^n (1 + f), 1 + f between sqrt(1/2) and sqrt(2),
//
//   log(x) = n ln 2 + f - f^2 / 2 + f^3 q(f)
//
// where q is a polynomial of degree 7, fitted likewise (6e-9).
//
// For softplus, log(1 + x) = x q(x) with x from 0 to 1 and a q of degree 8, fitted likewise (3e-8).
//
// The two functions that go from -1 to 1 are quotients of polynomials of z = x^2, fitted likewise,
//
//   tanh(x) = x p(z) / q(z)              p and q of degree 4, |x| up to  9.1  (2e-8)
//   erf(x / sqrt(2)) = x p(z) / q(z)     p and q of degree 5, |x| up to  5.5  (2e-8)
//
// beyond which they exceed 1 by little more than rounding errors: x is clamped where it is more, and
// the quotient to 1, so that the functions are exactly -1 and 1 from there on.
#ifndef UBP_DELEGATE_CPU_KERNELS_ELEMENTWISE_KERNELS_H_
#define UBP_DELEGATE_CPU_KERNELS_ELEMENTWISE_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/kernels/elementwise_args.h"
#include "delegate/cpu/kernels/simd.h"

namespace ubp {
namespace {

template <class Simd>
class ElementwiseKernels {
 private:
  using Vec = typename Simd::Vec;
  typedef uint32_t Bits __attribute__((vector_size(Simd::kWidth * sizeof(uint32_t))));
  typedef int32_t Signed __attribute__((vector_size(Simd::kWidth * sizeof(int32_t))));

  // A float between 2^23 and 2^24, whose lowest bit counts ones.
  static constexpr float kRounder = 12582912.0f;
  static constexpr uint32_t kRounderBits = 0x4b400000;
  static constexpr uint32_t kRootOfHalf = 0x3f3504f3;  // sqrt(1/2)

  // NaN stays NaN.
  static UBP_ALWAYS_INLINE Vec Limit(Vec v, Vec min, Vec max) {
    return Simd::Min(max, Simd::Max(min, v));
  }

  // One vector of each operand.
  struct Operands {
    Vec a, b, c, s, t;
  };

  // The functions: how many of a, b and c they read, and whether results are clamped at once; those
  // that hardly ever have an activation behind them are clamped in a second run over the values.

  struct Add {
    static constexpr int kInputs = 2;
    static constexpr bool kClamps = true;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) { return o.a + o.b; }
  };
  struct Subtract {
    static constexpr int kInputs = 2;
    static constexpr bool kClamps = true;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) { return o.a - o.b; }
  };
  struct Multiply {
    static constexpr int kInputs = 2;
    static constexpr bool kClamps = true;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) { return o.a * o.b; }
  };
  struct Scale {
    static constexpr int kInputs = 1;
    static constexpr bool kClamps = true;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      return Simd::MultiplyAdd(o.a, o.s, o.t);
    }
  };
  struct MultiplyAdd {
    static constexpr int kInputs = 3;
    static constexpr bool kClamps = true;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      return Simd::MultiplyAdd(o.a, o.b, o.c);
    }
  };
  struct LeakyRelu {
    static constexpr int kInputs = 1;
    static constexpr bool kClamps = false;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) { return IfNegative(o.a, o.a * o.s); }
  };
  struct PRelu {
    static constexpr int kInputs = 2;
    static constexpr bool kClamps = false;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) { return IfNegative(o.a, o.a * o.b); }
  };
  struct Elu {
    static constexpr int kInputs = 1;
    static constexpr bool kClamps = false;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      const Vec limit = Simd::Broadcast(-40.0f);  // where the result is -1
      return IfNegative(o.a, ExponentialMinusOne(Simd::Max(limit, o.a)));
    }
  };
  struct HardSwish {
    static constexpr int kInputs = 1;
    static constexpr bool kClamps = false;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      const Vec gate = Simd::MultiplyAdd(o.a, Simd::Broadcast(1.0f / 6.0f), Simd::Broadcast(0.5f));
      return o.a * Limit(gate, Simd::Broadcast(0.0f), Simd::Broadcast(1.0f));
    }
  };
  struct Logistic {
    static constexpr int kInputs = 1;
    static constexpr bool kClamps = false;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      const Vec one = Simd::Broadcast(1.0f);
      return one / (one + Exponential(-o.a));
    }
  };
  struct Swish {
    static constexpr int kInputs = 1;
    static constexpr bool kClamps = false;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) { return o.a * Logistic::Apply(o); }
  };
  // tanh(log(1 + e)) = t / (t + 2) with t = (1 + e)^2 - 1.
  struct Mish {
    static constexpr int kInputs = 1;
    static constexpr bool kClamps = false;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      const Vec two = Simd::Broadcast(2.0f);
      const Vec limit = Simd::Broadcast(40.0f);  // where the result is a
      const Vec e = Exponential(Simd::Min(limit, o.a));
      const Vec t = e * (e + two);
      return o.a * (t / (t + two));
    }
  };
  struct Gelu {
    static constexpr int kInputs = 1;
    static constexpr bool kClamps = false;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      const Vec half = o.a * Simd::Broadcast(0.5f);
      return Simd::MultiplyAdd(half, NormalErf(o.a), half);
    }
  };
  struct GeluTanh {
    static constexpr int kInputs = 1;
    static constexpr bool kClamps = false;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      const Vec factor = Simd::MultiplyAdd(o.a * o.a, Simd::Broadcast(3.5677408e-2f),
                                           Simd::Broadcast(7.9788456e-1f));
      const Vec half = o.a * Simd::Broadcast(0.5f);
      return Simd::MultiplyAdd(half, HyperbolicTangent(o.a * factor), half);
    }
  };
  struct Tanh {
    static constexpr int kInputs = 1;
    static constexpr bool kClamps = false;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) { return HyperbolicTangent(o.a); }
  };
  struct Exp {
    static constexpr int kInputs = 1;
    static constexpr bool kClamps = false;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      const Vec y = (o.a + o.t) * o.s;
      const Power power = PowerOf<-1>(Limit(y, Simd::Broadcast(-87.3f), Simd::Broadcast(89.0f)));
      const Vec half = power.scale * (Simd::Broadcast(1.0f) + power.p);
      return half + half;
    }
  };
  struct Log {
    static constexpr int kInputs = 1;
    static constexpr bool kClamps = false;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) { return Logarithm(o.a); }
  };
  struct Softplus {
    static constexpr int kInputs = 1;
    static constexpr bool kClamps = false;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      const Vec zero = Simd::Broadcast(0.0f);
      const Vec most = Simd::Broadcast(88.7228394f);  // the logarithm of the largest float
      const Vec x = Exponential(Simd::Min(-o.a, o.a));
      const Vec q =
          Polynomial(x, 5.2326955e-3f, -2.9505247e-2f, 7.8225970e-2f, -1.3663249e-1f, 1.9106008e-1f,
                     -2.4842983e-1f, 3.3319098e-1f, -4.9999493e-1f, 9.9999994e-1f);
      return Simd::MultiplyAdd(q, x, Limit(o.a, zero, most));
    }
  };

  // `negative` where a < 0, else `other`.
  static UBP_ALWAYS_INLINE Vec IfNegative(Vec a, Vec negative, Vec other) {
    return a < Simd::Broadcast(0.0f) ? negative : other;
  }
  static UBP_ALWAYS_INLINE Vec IfNegative(Vec a, Vec negative) {
    return IfNegative(a, negative, a);
  }

  // The coefficient of the highest power comes first.
  template <class... Coefficients>
  static UBP_ALWAYS_INLINE Vec Polynomial(Vec x, float first, Coefficients... rest) {
    Vec sum = Simd::Broadcast(first);
    ((sum = Simd::MultiplyAdd(sum, x, Simd::Broadcast(rest))), ...);
    return sum;
  }

  // exp(y) = 2^-kExponent * scale * (1 + p).
  struct Power {
    Vec scale, p;
  };

  template <int kExponent>
  static UBP_ALWAYS_INLINE Power PowerOf(Vec y) {
    // Adding this rounds to an integer, which is then in the lowest bits, plus the bias of floats.
    const Vec rounder = Simd::Broadcast(kRounder + 127.0f + kExponent);
    const Vec shifted = Simd::MultiplyAdd(y, Simd::Broadcast(1.44269502f), rounder);
    const Vec n = shifted - rounder;
    // ln 2 in two parts, of which n times the first is exact.
    Vec r = Simd::MultiplyAdd(n, Simd::Broadcast(-0.693359375f), y);
    r = Simd::MultiplyAdd(n, Simd::Broadcast(2.12194440e-4f), r);
    const Vec q = Polynomial(r, 1.3843607e-3f, 8.3741955e-3f, 4.1668005e-2f, 1.6666430e-1f,
                             4.9999994e-1f, 1.0f);
    return {(Vec)((Bits)shifted << 23), r * q};
  }

  // As exact as said above. Infinite from 88.4 on.
  static UBP_ALWAYS_INLINE Vec Exponential(Vec y) {
    y = Limit(y, Simd::Broadcast(-88.0f), Simd::Broadcast(89.0f));
    const Vec base = Simd::Broadcast(1.44269502f);
    const Vec rounder = Simd::Broadcast(kRounder + 127.0f);
    const Vec shifted = Simd::MultiplyAdd(y, base, rounder);
    const Vec f = Simd::MultiplyAdd(y, base, rounder - shifted);
    const Vec p = Polynomial(f, 1.31681957e-3f, 9.66824032e-3f, 5.55114262e-2f, 2.40223154e-1f,
                             6.93146586e-1f, 1.0f);
    return (Vec)((Bits)shifted << 23) * p;
  }

  // Exact to rounding near y = 0 too; y from -87 to 88, and anything beyond.
  static UBP_ALWAYS_INLINE Vec ExponentialMinusOne(Vec y) {
    const Power power = PowerOf<0>(y);
    return Simd::MultiplyAdd(power.scale, power.p, power.scale - Simd::Broadcast(1.0f));
  }

  static UBP_ALWAYS_INLINE Vec Logarithm(Vec x) {
    const Vec zero = Simd::Broadcast(0.0f);
    const Vec infinity = Simd::Broadcast(__builtin_inff());
    const auto denormal = x < Simd::Broadcast(1.17549435e-38f);
    const Bits above = (Bits)(denormal ? x * Simd::Broadcast(8388608.0f) : x) - kRootOfHalf;
    const Vec f = (Vec)((above & 0x7fffff) + kRootOfHalf) - Simd::Broadcast(1.0f);
    // A signed shift: n may be negative.
    const Vec shifted = (Vec)((Bits)((Signed)above >> 23) + kRounderBits);
    const Vec n =
        shifted - (denormal ? Simd::Broadcast(kRounder + 23.0f) : Simd::Broadcast(kRounder));
    const Vec q = Polynomial(f, -7.6345305e-2f, 1.2761630e-1f, -1.3160195e-1f, 1.4201752e-1f,
                             -1.6623356e-1f, 2.0001227e-1f, -2.5000821e-1f, 3.3333332e-1f);
    const Vec square = f * f;
    Vec rest = Simd::MultiplyAdd(n, Simd::Broadcast(-2.12194440e-4f), q * f * square);
    rest = Simd::MultiplyAdd(square, Simd::Broadcast(-0.5f), rest);
    const Vec log = Simd::MultiplyAdd(n, Simd::Broadcast(0.693359375f), f + rest);
    const Vec none = x == zero ? -infinity : Simd::Broadcast(__builtin_nanf(""));
    return x > zero ? (x < infinity ? log : x) : none;
  }

  static UBP_ALWAYS_INLINE Vec HyperbolicTangent(Vec x) {
    x = Limit(x, Simd::Broadcast(-10.0f), Simd::Broadcast(10.0f));
    const Vec z = x * x;
    const Vec p = Polynomial(z, 1.31775206e-8f, 2.04811839e-5f, 3.48781079e-3f, 1.33744749e-1f,
                             9.99999977e-1f);
    const Vec q =
        Polynomial(z, 7.70404496e-7f, 3.27291983e-4f, 2.58473875e-2f, 4.67077887e-1f, 1.0f);
    return Limit(x * p / q, Simd::Broadcast(-1.0f), Simd::Broadcast(1.0f));
  }

  // erf(x / sqrt(2)): of a normal distribution, what lies between -x and x.
  static UBP_ALWAYS_INLINE Vec NormalErf(Vec x) {
    x = Limit(x, Simd::Broadcast(-6.0f), Simd::Broadcast(6.0f));
    const Vec z = x * x;
    const Vec p = Polynomial(z, 4.58623076e-8f, 1.26031825e-5f, 3.29147609e-4f, 9.30296512e-3f,
                             6.69177922e-2f, 7.97884548e-1f);
    const Vec q = Polynomial(z, 1.19902832e-6f, 7.21670534e-5f, 1.86064633e-3f, 2.84161327e-2f,
                             2.50535416e-1f, 1.0f);
    return Limit(x * p / q, Simd::Broadcast(-1.0f), Simd::Broadcast(1.0f));
  }

  template <class Function, bool kMasked>
  static UBP_ALWAYS_INLINE void RunVector(const ElementwiseArgs& args, ptrdiff_t i) {
    Operands o;
    o.a = Simd::Load(args.a + i);
    if constexpr (Function::kInputs >= 2) o.b = Simd::Load(args.b + i);
    if constexpr (Function::kInputs >= 3) o.c = Simd::Load(args.c + i);
    o.s = Simd::Broadcast(args.s);
    o.t = Simd::Broadcast(args.t);
    Vec result = Function::Apply(o);
    if constexpr (Function::kClamps) {
      result = Limit(result, Simd::Broadcast(args.min), Simd::Broadcast(args.max));
    }
    if constexpr (kMasked) result = Simd::Masked(result, Simd::LoadMask(args.mask + i));
    Simd::Store(args.output + i, result);
  }

  // Fewer values than a vector, by way of whole vectors.
  template <class Function, bool kMasked>
  static void RunRest(const ElementwiseArgs& args, ptrdiff_t first) {
    float a[Simd::kWidth] = {}, b[Simd::kWidth] = {}, c[Simd::kWidth] = {};
    float output[Simd::kWidth];
    uint32_t mask[Simd::kWidth] = {};
    const ptrdiff_t rest = args.count - first;
    for (ptrdiff_t i = 0; i < rest; ++i) {
      a[i] = args.a[first + i];
      if (Function::kInputs >= 2) b[i] = args.b[first + i];
      if (Function::kInputs >= 3) c[i] = args.c[first + i];
      if (kMasked) mask[i] = args.mask[first + i];
    }
    ElementwiseArgs vector = args;
    vector.a = a;
    vector.b = b;
    vector.c = c;
    vector.mask = mask;
    vector.output = output;
    RunVector<Function, kMasked>(vector, 0);
    for (ptrdiff_t i = 0; i < rest; ++i) args.output[first + i] = output[i];
  }

  template <class Function, bool kMasked>
  static void RunValues(const ElementwiseArgs& args) {
    const ElementwiseArgs copy = args;  // which what is stored cannot change
    ptrdiff_t i = 0;
    for (; i + Simd::kWidth <= copy.count; i += Simd::kWidth) RunVector<Function, kMasked>(copy, i);
    if (i < copy.count) RunRest<Function, kMasked>(args, i);
  }

  template <class Function>
  static void Run(const ElementwiseArgs& args) {
    if (args.mask != nullptr) {
      RunValues<Function, true>(args);
    } else {
      RunValues<Function, false>(args);
    }
    if constexpr (!Function::kClamps) {
      if (args.min > -__builtin_inff() || args.max < __builtin_inff()) ClampOutput(args);
    }
  }

  static void ClampOutput(ElementwiseArgs args) {
    args.a = args.output;
    args.s = 1.0f;
    args.t = 0.0f;
    Run<Scale>(args);
  }

 public:
  static constexpr ElementwiseKernel kAll[] = {
      &Run<Add>,       &Run<Subtract>, &Run<Multiply>, &Run<Scale>,     &Run<MultiplyAdd>,
      &Run<LeakyRelu>, &Run<PRelu>,    &Run<Elu>,      &Run<HardSwish>, &Run<Logistic>,
      &Run<Swish>,     &Run<Mish>,     &Run<Gelu>,     &Run<GeluTanh>,  &Run<Tanh>,
      &Run<Exp>,       &Run<Log>,      &Run<Softplus>,
  };
  static_assert(sizeof(kAll) / sizeof(kAll[0]) == static_cast<size_t>(Elementwise::kCount),
                "one kernel for each function, in their order");
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_ELEMENTWISE_KERNELS_H_
