// SPDX-License-Identifier: Apache-2.0
// What the int8 kernels of all instruction sets are written in terms of. A translation unit per
// instruction set defines its `Simd` class and instantiates the kernels for it; see simd.h for what
// holds for such classes.
//
// A Simd class provides
//   kWidth                          pixels per vector
//   kFlip                           of stored bytes (Int8Kernels::flip)
//   kPrefetchBlocks                 how many blocks ahead weights are prefetched; 0: not at all
//   kPrefetchRows                   likewise for the pixels of blocks; at most kQuadOffsetsBeyond
//   kPrefetchQuads                  likewise, in quads of channels, for the rows written
//   kPipelined                      whether loads for a block belong into the block before: see
//                                   int8_pipelined_rows.h, also for what a Simd needs for that, which
//                                   then has none of LoadWeights, WeightAt, Dot
//   Quads, Load(p), Store(p, v)     kWidth quads: 4 * kWidth bytes
//   BroadcastQuad(q)                4 bytes as an uint32_t, everywhere
//   Mask, LoadMask(p)               which quads count: bits p [kWidth], all set or none of each
//   Select(mask, v, junk)           v where the mask is set, else junk
//   Sums, Broadcast(x)              kWidth int32
//   Dot<J>(x, w, sums)              sums + x . w: of each quad with the 4 weights
//   LoadWeights<N>(p), WeightAt<J>(weights)
//                                   the weights of a block, and those at position J as Dot<J> wants them
//   DotFour(p, w, sums)             4 int32: sums + the quad at p . each of the 4 quads at w
//
//   Add(a, b), Multiply(a, b), ShiftRight(a, n)
//                                   of sums; the shift is arithmetic
//   Most(a, b), LeastBytes(a, b)    of stored bytes
//   kPairs                          whether there are dot products of pairs of int16:
//     UnpackPairs<i>(a, b)          the bytes of a and b that Unpack<i> has, as int16 side by side
//     DotPairs(x, w, sums)          sums + x . w, 2 int16 each
//   Evens(a, b)                     of the quads of a and then b every other one, from the first on
//
// and to make bytes of sums:
//   Scale, BroadcastScale(x)        floats
//   Limits, MakeLimits(r)           what a Requantization (int8_args.h) says, as the following want it
//   Round<clamp>(sums, scale, limits)
//                                   rint(min(float(sums) * scale, max - zero point)), int32
//   Narrowed, Narrow<clamp>(a, b, limits)
//                                   int16 of both, lane by lane (see below), + zero point, saturated
//   NarrowBytes<clamp>(a, b, limits)
//                                   of two Narrowed: bytes, lane by lane, at least min
//   Transpose(v)                    the quads that the lanes of v are, which hold 4 pixels of 4
//                                   channels, one channel after the other; or the other way round
//   TransposeSelected(mask, v, junk)
//                                   Select(mask, Transpose(v), junk)
// Vectors consist of *lanes* of 4 quads, 16 bytes, or of 4 sums. For windows:
//   LoadSums(p), LoadScale(p), LoadSpan(p)
//                                   4 int32, 4 floats, 16 bytes: the same in all lanes
//   GatherSums(p, o)                4 int32 of each lane l: those at p + o[4 l]
//   DotSpan(x, w, sums)             sums + x . w, 4 bytes each
//   Unpack<i>(v)                    sums that are the bytes of the channels of pixels 4 l + i, for lane l
//   Pixels(a, b, c, d, limits)      4 vectors of sums, Rounded, of which lane l has the channels of
//                                   pixels 4 l, 4 l + 1, .. as quads in order
//   PixelsOfPairs(...)              the same where lane l of a, b, c, d has pixels 2 l, 2 l + 1,
//                                   kWidth / 2 + 2 l, kWidth / 2 + 2 l + 1
#ifndef UBP_DELEGATE_CPU_KERNELS_INT8_SIMD_H_
#define UBP_DELEGATE_CPU_KERNELS_INT8_SIMD_H_

#include "delegate/cpu/kernels/simd.h"

namespace ubp {
namespace {

// What there is to clamp: kFull, as the limits say; kSaturated, nothing, as they are a byte's
// (Requantization::saturates); kPlain, nor is there a zero point to add.
enum class Clamp { kFull, kSaturated, kPlain };

}  // namespace
}  // namespace ubp

#endif  // UBP_DELEGATE_CPU_KERNELS_INT8_SIMD_H_
