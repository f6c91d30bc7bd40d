// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.tensorflow.lite.Delegate;

/**
 * Runs block-sparse layers in the interpreter: the UBP delegate for TensorFlow Lite.
 *
 * <pre>{@code
 * try (UbpDelegate delegate = new UbpDelegate(UbpCompatibility.ofThisDevice().bestOptions());
 *     Interpreter interpreter =
 *         new Interpreter(model, new Interpreter.Options().addDelegate(delegate))) {
 *   interpreter.run(input, output);
 * }
 * }</pre>
 *
 * <p>The app must bundle the TensorFlow Lite runtime: the one in Google Play Services refuses
 * delegates of an app's own. The delegate must outlive the interpreters that use it, as above,
 * where it is closed last. Make one for each interpreter.
 *
 * <p>The methods may be called from any thread.
 */
public final class UbpDelegate implements Delegate {

  private static final long CLOSED = 0;

  private long handle;

  /** Makes a delegate with the default of every option. */
  public UbpDelegate() {
    this(new Options());
  }

  /**
   * Makes a delegate; later changes of the options do not touch it.
   *
   * @throws IllegalStateException if the native library cannot be loaded, the reason as its cause.
   * @throws IllegalArgumentException if the delegate refuses an option, in its own words.
   * @throws OutOfMemoryError if the native memory does not suffice.
   */
  public UbpDelegate(Options options) {
    NativeLibrary.checkLoaded();
    byte[][] error = new byte[1][];
    handle = create(Utf8.encode(options.keys()), Utf8.encode(options.values()), error);
    if (handle == CLOSED) {
      throw new IllegalArgumentException(Utf8.decode(error[0]));
    }
  }

  /**
   * Returns the address of the native delegate.
   *
   * @throws IllegalStateException if the delegate is closed.
   */
  @Override
  public synchronized long getNativeHandle() {
    if (handle == CLOSED) {
      throw new IllegalStateException("The UBP delegate is closed already; make another one.");
    }
    return handle;
  }

  /** Frees the native delegate; the second call and later ones do nothing. */
  @Override
  public synchronized void close() {
    if (handle != CLOSED) {
      destroy(handle);
      handle = CLOSED;
    }
  }

  /**
   * Returns the version of the native delegate, such as 0.1.0.
   *
   * @throws IllegalStateException if the native library cannot be loaded.
   */
  public static String version() {
    NativeLibrary.checkLoaded();
    return nativeVersion();
  }

  // Returns the address of a TfLiteDelegate; 0 if it refuses an option, with its sentence in
  // error[0]. Texts are UTF-8 without NUL.
  private static native long create(byte[][] keys, byte[][] values, byte[][] error);

  private static native void destroy(long handle);

  private static native String nativeVersion();

  /**
   * The delegate's options, one setter for each key of the native delegate: setNumThreads sets
   * num_threads. docs/delegate.md explains them. What is not set has the native delegate's default.
   * Those that take a file or a text throw an IllegalArgumentException where it holds a NUL
   * character or half a surrogate pair.
   *
   * <p>Not thread-safe.
   */
  public static final class Options {

    /** The instruction set of the CPU's kernels; a processor has some of them only. */
    public enum Kernel {
      /** The fastest that the processor supports; the default. */
      AUTO,
      AVX512,
      AVX2,
      NEON,
      /** NEON in an order for cores that do not reorder instructions. */
      NEON_IN_ORDER,
      /** Runs on any processor. */
      PORTABLE,
      /** Plain loops: slow, to compare results with. */
      REFERENCE
    }

    /** What runs the model. */
    public enum Backend {
      /** The default. */
      CPU,
      /** The GPU, through OpenCL; where there is none, the delegate is not made. */
      GPU,
      /**
       * The CPU, unless a measurement in the directory of {@link #setGpuCache} says that the GPU is
       * faster; {@link #setGpuTune} measures.
       */
      AUTO
    }

    /** What the GPU computes with. */
    public enum Precision {
      /** 32 bits; the default. */
      FP32,
      /** Tensors of 16 bits, sums of 32: half the memory and traffic. */
      FP16_STORAGE,
      /** 16 bits throughout, on GPUs that have that: the fastest, and the least exact. */
      FP16
    }

    /** Which layers are taken. */
    public enum Take {
      /** Block-sparse layers, and those around them if that is predicted to pay; the default. */
      AUTO,
      /** Block-sparse layers only. */
      SPARSE,
      /** Whatever can be taken. */
      ALL
    }

    /** What is written to standard error. */
    public enum Log {
      /** Errors and warnings; the default. */
      QUIET,
      /** Also what is taken, the kernels and the memory used. */
      INFO
    }

    /** A rule of the planner that can be switched off, to measure what it gains. */
    public enum Rule {
      DEAD_PIXELS,
      FUSED_DEPTHWISE,
      FUSED_FUNCTIONS,
      PLACED_CONCATENATIONS,
      STRIPS
    }

    private final Map<String, String> values = new TreeMap<>();

    /** Sets the number of threads, from 1 to 64; by default it is the interpreter's. */
    public Options setNumThreads(int numThreads) {
      return set("num_threads", Integer.toString(numThreads));
    }

    /**
     * Sets what runs the model. An app that does not take the manifest of the Android archive over
     * needs its entries for libOpenCL.so.
     */
    public Options setBackend(Backend backend) {
      return set("backend", nameOf(backend));
    }

    /** Sets what the GPU computes with. */
    public Options setPrecision(Precision precision) {
      return set("precision", nameOf(precision));
    }

    /**
     * Sets the directory that keeps compiled GPU programs and measurements for the next start, a
     * directory of its own in the app's code cache, say. It is made if there is none.
     */
    public Options setGpuCache(File directory) {
      return set("gpu_cache", directory.getPath());
    }

    /** Sets the GPU: a part of its name, or its number; by default it is the first. */
    public Options setGpuDevice(String device) {
      return set("gpu_device", device);
    }

    /**
     * Sets whether what the GPU cache does not hold yet is measured when a model is loaded, which
     * takes seconds the first time; by default it is not.
     */
    public Options setGpuTune(boolean on) {
      return set("gpu_tune", on ? "on" : "off");
    }

    /** Sets the kernels of the CPU. */
    public Options setKernel(Kernel kernel) {
      return set("kernel", nameOf(kernel));
    }

    /** Sets which layers are taken. */
    public Options setTake(Take take) {
      return set("take", nameOf(take));
    }

    /** Sets whether ordinary layers with enough zeros count as block-sparse; by default they do. */
    public Options setSparseFromDense(boolean on) {
      return set("sparse_from_dense", on ? "on" : "off");
    }

    /**
     * Sets the JSON file in which the delegate writes how long its steps took, when the interpreter
     * is closed; it must not exist yet. Without it nothing is timed.
     */
    public Options setProfile(File file) {
      return set("profile", file.getPath());
    }

    /** Sets the JSON file in which the delegate reports what it takes; it must not exist yet. */
    public Options setReport(File file) {
      return set("report", file.getPath());
    }

    /**
     * Sets the file that keeps packed weights for the next load of the model, a file of its own in
     * the app's cache directory, say. It is made if there is none.
     */
    public Options setWeightCache(File file) {
      return set("weight_cache", file.getPath());
    }

    /**
     * Sets the rules of the planner to switch off.
     *
     * @throws IllegalArgumentException if there is none.
     */
    public Options setWithout(EnumSet<Rule> rules) {
      if (rules.isEmpty()) {
        throw new IllegalArgumentException("There is no rule to switch off: setWithout needs one.");
      }
      StringBuilder names = new StringBuilder();
      for (Rule rule : rules) {
        names.append(names.length() == 0 ? "" : "+").append(nameOf(rule));
      }
      return set("without", names.toString());
    }

    /** Sets what is written to standard error. */
    public Options setLog(Log log) {
      return set("log", nameOf(log));
    }

    /** Returns the keys that are set, sorted. */
    String[] keys() {
      return values.keySet().toArray(new String[0]);
    }

    /** Returns the value of each of {@link #keys}. */
    String[] values() {
      return values.values().toArray(new String[0]);
    }

    // Every setter ends here. Package-private for the test that no key is missing here.
    Options set(String key, String value) {
      // Native text ends at a NUL, and half a surrogate pair would silently become another character.
      if (value.indexOf('\0') >= 0 || !StandardCharsets.UTF_8.newEncoder().canEncode(value)) {
        throw new IllegalArgumentException(
            "The option '"
                + key
                + "' is '"
                + value
                + "', which holds a NUL character or half a surrogate pair: no file or device can"
                + " have that name.");
      }
      values.put(key, value);
      return this;
    }

    private static String nameOf(Enum<?> value) {
      return value.name().toLowerCase(Locale.ROOT);
    }
  }
}
