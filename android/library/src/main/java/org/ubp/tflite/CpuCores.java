// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite;

import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;

/** The processor's cores and the highest frequency of each, as Linux tells them. */
final class CpuCores {

  private static final File SYSTEM = new File("/sys/devices/system/cpu");

  private final File folder;
  private final int count;

  /**
   * Looks into a folder.
   *
   * @param folder holds cpu0/cpufreq/cpuinfo_max_freq and so on.
   * @param count how many cores there are.
   */
  CpuCores(File folder, int count) {
    this.folder = folder;
    this.count = count;
  }

  static CpuCores ofThisDevice() {
    return new CpuCores(SYSTEM, Runtime.getRuntime().availableProcessors());
  }

  /**
   * Returns how many cores are faster than the slowest kind; all of them if they are alike, or if
   * the system does not tell the frequency of each.
   */
  int fast() {
    long[] frequencies = new long[count];
    long slowest = Long.MAX_VALUE;
    for (int i = 0; i < count; ++i) {
      frequencies[i] = maxFrequency(i);
      slowest = Math.min(slowest, frequencies[i]);
    }
    int fast = 0;
    for (long frequency : frequencies) {
      fast += frequency > slowest ? 1 : 0;
    }
    return slowest == 0 || fast == 0 ? count : fast;
  }

  /** Returns kHz; 0 if unknown. */
  private long maxFrequency(int core) {
    File file = new File(folder, "cpu" + core + "/cpufreq/cpuinfo_max_freq");
    try (BufferedReader reader =
        new BufferedReader(
            new InputStreamReader(new FileInputStream(file), StandardCharsets.US_ASCII))) {
      return Long.parseLong(reader.readLine().trim());
    } catch (IOException | NumberFormatException unknown) {
      return 0;
    }
  }
}
