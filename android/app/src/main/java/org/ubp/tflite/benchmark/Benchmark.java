// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite.benchmark;

/** Times a model. */
final class Benchmark {

  private final Model.Loader loader;

  Benchmark(Model.Loader loader) {
    this.loader = loader;
  }

  /**
   * Runs it as often as the arguments say.
   *
   * @throws IllegalArgumentException if the model cannot be loaded.
   * @throws IllegalStateException if the delegate cannot be.
   */
  Latency run(Arguments arguments) {
    if (!arguments.graph.isFile()) {
      throw new IllegalArgumentException(arguments.graph + ": no such file.");
    }
    long start = System.nanoTime();
    try (Model model = loader.load(arguments)) {
      long init = System.nanoTime() - start;
      for (int i = 0; i < arguments.warmupRuns; ++i) {
        model.run();
      }
      long[] nanos = new long[arguments.numRuns];
      for (int i = 0; i < nanos.length; ++i) {
        long begin = System.nanoTime();
        model.run();
        nanos[i] = System.nanoTime() - begin;
      }
      return new Latency(init, nanos);
    }
  }
}
