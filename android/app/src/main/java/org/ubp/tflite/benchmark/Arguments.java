// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite.benchmark;

import java.io.File;
import java.util.Locale;
import org.ubp.tflite.UbpDelegate.Options.Backend;
import org.ubp.tflite.UbpDelegate.Options.Precision;

/**
 * What to measure, written as the flags of TensorFlow Lite's own benchmark app, as far as they go:
 * --graph=FILE, --num_threads=N, --num_runs=N, --warmup_runs=N; and --use_ubp=true or false,
 * --backend=cpu, gpu or auto, --precision=fp32, fp16_storage or fp16.
 */
final class Arguments {

  /** The model. */
  File graph;

  /** Threads of the interpreter and the delegate; 0: one for each fast core, at most four. */
  int numThreads;

  /** Inferences that are measured. */
  int numRuns = 50;

  /** Inferences before them. */
  int warmupRuns = 5;

  /** Whether the UBP delegate runs the model; otherwise XNNPACK does. */
  boolean useUbp = true;

  /** What the delegate runs it on. */
  Backend backend = Backend.CPU;

  /** What the GPU computes with. */
  Precision precision = Precision.FP32;

  /** Returns what runs the model, in words. */
  String runner() {
    return useUbp ? "UBP on " + nameOf(backend) : "XNNPACK";
  }

  /**
   * Reads flags that are separated by blanks.
   *
   * @throws IllegalArgumentException if a flag is unknown or its value not of its kind, or if
   *     --graph is missing.
   */
  static Arguments parse(String text) {
    Arguments arguments = new Arguments();
    for (String flag : text.trim().split("\\s+")) {
      int equals = flag.indexOf('=');
      if (equals < 0) {
        throw new IllegalArgumentException("'" + flag + "' is no flag such as --num_threads=2.");
      }
      arguments.set(flag.substring(0, equals), flag.substring(equals + 1));
    }
    if (arguments.graph == null) {
      throw new IllegalArgumentException("--graph is missing: it names the model.");
    }
    return arguments;
  }

  private void set(String name, String value) {
    switch (name) {
      case "--graph":
        graph = new File(value);
        break;
      case "--num_threads":
        numThreads = number(name, value, 1);
        break;
      case "--num_runs":
        numRuns = number(name, value, 1);
        break;
      case "--warmup_runs":
        warmupRuns = number(name, value, 0);
        break;
      case "--use_ubp":
        useUbp = bool(name, value);
        break;
      case "--backend":
        backend = oneOf(Backend.values(), name, value);
        break;
      case "--precision":
        precision = oneOf(Precision.values(), name, value);
        break;
      default:
        throw new IllegalArgumentException(
            "There is no flag "
                + name
                + "; there are --graph, --num_threads, --num_runs,"
                + " --warmup_runs, --use_ubp, --backend and --precision.");
    }
  }

  private static int number(String name, String value, int least) {
    try {
      int number = Integer.parseInt(value);
      if (number >= least) {
        return number;
      }
    } catch (NumberFormatException error) {
      // Refused below, as a number that is too small is.
    }
    throw new IllegalArgumentException(
        name + " is '" + value + "', expected a number from " + least + ".");
  }

  private static boolean bool(String name, String value) {
    if (value.equals("true") || value.equals("false")) {
      return value.equals("true");
    }
    throw new IllegalArgumentException(name + " is '" + value + "', expected true or false.");
  }

  private static <E extends Enum<E>> E oneOf(E[] known, String name, String value) {
    StringBuilder names = new StringBuilder();
    for (E one : known) {
      if (nameOf(one).equals(value)) {
        return one;
      }
      names.append(names.length() == 0 ? "" : ", ").append(nameOf(one));
    }
    throw new IllegalArgumentException(
        name + " is '" + value + "', expected one of " + names + ".");
  }

  private static String nameOf(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }
}
