// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite.benchmark;

import java.util.Arrays;
import java.util.Locale;

/** Milliseconds of one benchmark. */
final class Latency {

  final double initMs;
  final double medianMs;
  final double p10Ms;
  final double p90Ms;

  /**
   * Summarises.
   *
   * @param initNanos until the interpreter was ready.
   * @param nanos of each inference; at least one.
   */
  Latency(long initNanos, long[] nanos) {
    long[] sorted = nanos.clone();
    Arrays.sort(sorted);
    initMs = initNanos / 1e6;
    medianMs = percentile(sorted, 0.5);
    p10Ms = percentile(sorted, 0.1);
    p90Ms = percentile(sorted, 0.9);
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "median %.3f ms, p10 %.3f, p90 %.3f, init %.1f ms",
        medianMs,
        p10Ms,
        p90Ms,
        initMs);
  }

  /** Interpolates linearly between the two nearest ranks. */
  private static double percentile(long[] sorted, double share) {
    double rank = share * (sorted.length - 1);
    int below = (int) rank;
    int above = Math.min(below + 1, sorted.length - 1);
    return (sorted[below] + (rank - below) * (sorted[above] - sorted[below])) / 1e6;
  }
}
