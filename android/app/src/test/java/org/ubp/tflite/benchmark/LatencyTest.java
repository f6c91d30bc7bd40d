// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite.benchmark;

import static org.junit.Assert.assertEquals;

import org.junit.Test;

/** Percentiles, against NumPy's. */
public final class LatencyTest {

  private static final double EXACT = 1e-12;

  @Test
  public void percentilesAreInterpolated() {
    Latency latency = new Latency(5_000_000, new long[] {4_000_000, 1_000_000, 2_000_000});
    assertEquals(2.0, latency.medianMs, EXACT);
    assertEquals(1.2, latency.p10Ms, EXACT);
    assertEquals(3.6, latency.p90Ms, EXACT);
    assertEquals("median 2.000 ms, p10 1.200, p90 3.600, init 5.0 ms", latency.toString());
  }

  @Test
  public void anEvenNumberOfTimes() {
    assertEquals(2.5, new Latency(0, new long[] {3_000_000, 2_000_000}).medianMs, EXACT);
  }

  @Test
  public void oneTime() {
    Latency latency = new Latency(0, new long[] {3_000_000});
    assertEquals(3.0, latency.p10Ms, EXACT);
    assertEquals(3.0, latency.medianMs, EXACT);
    assertEquals(3.0, latency.p90Ms, EXACT);
  }
}
