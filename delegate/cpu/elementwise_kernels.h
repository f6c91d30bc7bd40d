// The elementwise kernels; `Simd` as in simd.h. Beside Simd's own functions they use the operators
// + - * / that compilers define on its vectors.
//
// Exponentials: with n the integer nearest to y / ln 2 and r = y - n ln 2, |r| <= ln(2) / 2,
//
//   exp(y) = 2^n (1 + p),   p = exp(r) - 1 = r q(r)
//
// where q is a polynomial of degree 5, fitted for the least largest error of exp (2e-9, relative).
// 2^n is made by shifting n into the exponent: n = -127 gives 0 and n = 128 infinity, so that
// clamping y gives what is too small or too large for a float without a case of its own.
#ifndef UBP_DELEGATE_CPU_ELEMENTWISE_KERNELS_H_
#define UBP_DELEGATE_CPU_ELEMENTWISE_KERNELS_H_

#include <cstddef>
#include <cstdint>

#include "delegate/cpu/elementwise_args.h"
#include "delegate/cpu/simd.h"

namespace ubp {
namespace {

template <class Simd>
class ElementwiseKernels {
 private:
  using Vec = typename Simd::Vec;
  typedef uint32_t Bits __attribute__((vector_size(Simd::kWidth * sizeof(uint32_t))));

  static constexpr uint32_t kNoMask[] = {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u,
                                         ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u, ~0u};

  // NaN stays NaN.
  static UBP_ALWAYS_INLINE Vec Limit(Vec v, Vec min, Vec max) {
    const Vec raised = v < min ? min : v;
    return raised > max ? max : raised;
  }

  // One vector of each operand.
  struct Operands {
    Vec a, b, c, s, t;
  };

  struct Add {
    static constexpr int kInputs = 2;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) { return o.a + o.b; }
  };
  struct Subtract {
    static constexpr int kInputs = 2;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) { return o.a - o.b; }
  };
  struct Multiply {
    static constexpr int kInputs = 2;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) { return o.a * o.b; }
  };
  struct Scale {
    static constexpr int kInputs = 1;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      return Simd::MultiplyAdd(o.a, o.s, o.t);
    }
  };
  struct MultiplyAdd {
    static constexpr int kInputs = 3;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      return Simd::MultiplyAdd(o.a, o.b, o.c);
    }
  };
  struct LeakyRelu {
    static constexpr int kInputs = 1;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      const Vec zero = Simd::Broadcast(0.0f);
      const Vec infinity = Simd::Broadcast(__builtin_inff());
      return Simd::MultiplyAdd(Limit(o.a, -infinity, zero), o.s, Limit(o.a, zero, infinity));
    }
  };
  struct HardSwish {
    static constexpr int kInputs = 1;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      const Vec gate =
          Limit(o.a + Simd::Broadcast(3.0f), Simd::Broadcast(0.0f), Simd::Broadcast(6.0f));
      return o.a * (gate * Simd::Broadcast(1.0f / 6.0f));
    }
  };
  struct Logistic {
    static constexpr int kInputs = 1;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      const Vec one = Simd::Broadcast(1.0f);
      return one / (one + Exponential(-o.a));
    }
  };
  struct Swish {
    static constexpr int kInputs = 1;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) { return o.a * Logistic::Apply(o); }
  };
  // t / (t + 2) with t = exp(2a) - 1, which is exact to rounding near a = 0 too.
  struct Tanh {
    static constexpr int kInputs = 1;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) {
      const Vec limit = Simd::Broadcast(40.0f);  // where the result is +-1
      const Power power = PowerOf(Limit(o.a + o.a, -limit, limit));
      const Vec t = Simd::MultiplyAdd(power.scale, power.p, power.scale - Simd::Broadcast(1.0f));
      return t / (t + Simd::Broadcast(2.0f));
    }
  };
  struct Exp {
    static constexpr int kInputs = 1;
    static UBP_ALWAYS_INLINE Vec Apply(const Operands& o) { return Exponential((o.a + o.t) * o.s); }
  };

  // exp(y) = scale * (1 + p).
  struct Power {
    Vec scale, p;
  };

  static UBP_ALWAYS_INLINE Power PowerOf(Vec y) {
    // Adding this rounds to an integer, which is then in the lowest bits, plus the bias of floats.
    const Vec rounder = Simd::Broadcast(12582912.0f + 127.0f);
    const Vec shifted = Simd::MultiplyAdd(y, Simd::Broadcast(1.44269502f), rounder);
    const Vec n = shifted - rounder;
    // ln 2 in two parts, of which n times the first is exact.
    Vec r = Simd::MultiplyAdd(n, Simd::Broadcast(-0.693359375f), y);
    r = Simd::MultiplyAdd(n, Simd::Broadcast(2.12194440e-4f), r);
    Vec q = Simd::Broadcast(1.3843607e-3f);
    q = Simd::MultiplyAdd(q, r, Simd::Broadcast(8.3741955e-3f));
    q = Simd::MultiplyAdd(q, r, Simd::Broadcast(4.1668005e-2f));
    q = Simd::MultiplyAdd(q, r, Simd::Broadcast(1.6666430e-1f));
    q = Simd::MultiplyAdd(q, r, Simd::Broadcast(4.9999994e-1f));
    q = Simd::MultiplyAdd(q, r, Simd::Broadcast(1.0f));
    return {(Vec)((Bits)shifted << 23), r * q};
  }

  static UBP_ALWAYS_INLINE Vec Exponential(Vec y) {
    const Power power = PowerOf(Limit(y, Simd::Broadcast(-88.0f), Simd::Broadcast(89.0f)));
    return power.scale * (Simd::Broadcast(1.0f) + power.p);
  }

  template <class Function>
  static UBP_ALWAYS_INLINE void RunVector(const ElementwiseArgs& args, ptrdiff_t i) {
    Operands o;
    o.a = Simd::Load(args.a + i);
    if constexpr (Function::kInputs >= 2) o.b = Simd::Load(args.b + i);
    if constexpr (Function::kInputs >= 3) o.c = Simd::Load(args.c + i);
    o.s = Simd::Broadcast(args.s);
    o.t = Simd::Broadcast(args.t);
    const Vec result = Function::Apply(o);
    const auto mask = Simd::LoadMask(args.mask != nullptr ? args.mask + i : kNoMask);
    Simd::Store(args.output + i,
                Simd::Clamp(result, Simd::Broadcast(args.min), Simd::Broadcast(args.max), mask));
  }

  // Fewer values than a vector, by way of whole vectors.
  template <class Function>
  static void RunRest(const ElementwiseArgs& args, ptrdiff_t first) {
    float a[Simd::kWidth] = {}, b[Simd::kWidth] = {}, c[Simd::kWidth] = {};
    float output[Simd::kWidth];
    uint32_t mask[Simd::kWidth] = {};
    const ptrdiff_t rest = args.count - first;
    for (ptrdiff_t i = 0; i < rest; ++i) {
      a[i] = args.a[first + i];
      if (Function::kInputs >= 2) b[i] = args.b[first + i];
      if (Function::kInputs >= 3) c[i] = args.c[first + i];
      if (args.mask != nullptr) mask[i] = args.mask[first + i];
    }
    ElementwiseArgs vector = args;
    vector.a = a;
    vector.b = b;
    vector.c = c;
    if (args.mask != nullptr) vector.mask = mask;
    vector.output = output;
    RunVector<Function>(vector, 0);
    for (ptrdiff_t i = 0; i < rest; ++i) args.output[first + i] = output[i];
  }

  template <class Function>
  static void Run(const ElementwiseArgs& args) {
    const ElementwiseArgs copy = args;  // which what is stored cannot change
    ptrdiff_t i = 0;
    for (; i + Simd::kWidth <= copy.count; i += Simd::kWidth) RunVector<Function>(copy, i);
    if (i < copy.count) RunRest<Function>(args, i);
  }

 public:
  static constexpr ElementwiseKernel kAll[] = {
      &Run<Add>,         &Run<Subtract>,  &Run<Multiply>,  &Run<Scale>,
      &Run<MultiplyAdd>, &Run<LeakyRelu>, &Run<HardSwish>, &Run<Logistic>,
      &Run<Swish>,       &Run<Tanh>,      &Run<Exp>,
  };
  static_assert(sizeof(kAll) / sizeof(kAll[0]) == static_cast<size_t>(Elementwise::kCount),
                "one kernel for each function, in their order");
};

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_ELEMENTWISE_KERNELS_H_
