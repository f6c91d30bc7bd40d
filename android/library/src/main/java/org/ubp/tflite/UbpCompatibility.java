// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite;

import android.os.Build;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.ubp.tflite.UbpDelegate.Options;
import org.ubp.tflite.UbpDelegate.Options.Kernel;

/**
 * What a device supports, and the options to begin with.
 *
 * <p>Immutable.
 */
public final class UbpCompatibility {

  // More threads than this seldom pay in networks of this size.
  private static final int MAX_THREADS = 4;

  private final String reason;
  private final List<Kernel> kernels;
  private final int fastCores;

  UbpCompatibility(String reason, List<Kernel> kernels, int fastCores) {
    this.reason = reason;
    this.kernels = Collections.unmodifiableList(kernels);
    this.fastCores = fastCores;
  }

  /** Asks the native delegate which of its kernels this processor has. */
  public static UbpCompatibility ofThisDevice() {
    UnsatisfiedLinkError error = NativeLibrary.error();
    int fastCores = CpuCores.ofThisDevice().fast();
    if (error != null) {
      String reason =
          "The UBP delegate has no native library for a device with "
              + Arrays.toString(Build.SUPPORTED_ABIS)
              + ": "
              + error.getMessage();
      return new UbpCompatibility(reason, new ArrayList<Kernel>(), fastCores);
    }
    return new UbpCompatibility("", supportedKernels(), fastCores);
  }

  /** Returns whether the delegate runs here. */
  public boolean isDelegateSupported() {
    return reason.isEmpty();
  }

  /** Returns why the delegate does not run here, in a sentence; empty if it does. */
  public String reason() {
    return reason;
  }

  /** Returns the kernels that this processor supports, without AUTO and REFERENCE. */
  public List<Kernel> kernels() {
    return kernels;
  }

  /**
   * Returns the number of threads to begin with, whatever runs the model: one for each core that is
   * not of the slowest kind, but at most four.
   */
  public int bestNumThreads() {
    return Math.min(fastCores, MAX_THREADS);
  }

  /**
   * Returns options to begin with: {@link #bestNumThreads} threads, and the defaults for all else.
   * To know better, measure; the benchmark app does.
   *
   * @throws IllegalStateException if the delegate does not run here.
   */
  public Options bestOptions() {
    if (!isDelegateSupported()) {
      throw new IllegalStateException(reason);
    }
    return new Options().setNumThreads(bestNumThreads());
  }

  // The delegate refuses kernels that the processor does not have; it alone knows which.
  private static List<Kernel> supportedKernels() {
    List<Kernel> supported = new ArrayList<>();
    for (Kernel kernel : Kernel.values()) {
      if (kernel == Kernel.AUTO || kernel == Kernel.REFERENCE) {
        continue;
      }
      try {
        new UbpDelegate(new Options().setKernel(kernel)).close();
        supported.add(kernel);
      } catch (IllegalArgumentException refused) {
        continue;
      }
    }
    return supported;
  }
}
