// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite.benchmark;

/** A model that is ready to run. */
interface Model extends AutoCloseable {

  /** Makes a model ready. */
  interface Loader {

    /**
     * Loads the model that the arguments name.
     *
     * @throws IllegalArgumentException if it cannot be loaded.
     * @throws IllegalStateException if the delegate cannot be.
     */
    Model load(Arguments arguments);
  }

  /** Runs one inference. */
  void run();

  @Override
  void close();
}
