// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite;

/**
 * Runs block-sparse layers in LiteRT's CompiledModel, whose Java and Kotlin classes take no
 * delegate: the UBP delegate as an accelerator of an environment. In Kotlin, with LiteRT 2.3 or
 * later:
 *
 * <pre>{@code
 * val environment =
 *     Environment.create(
 *         mapOf(Environment.Option.SystemGpuAcceleratorHandle to UbpAccelerator.handle().toString()))
 * val model =
 *     CompiledModel.create(path, CompiledModel.Options(Accelerator.CPU), environment)
 * }</pre>
 *
 * <p>Models compiled there for the CPU run in the delegate as far as it takes them, and in XNNPACK
 * for the rest. There is no GPU of LiteRT's in such an environment.
 *
 * <p>The methods may be called from any thread.
 */
public final class UbpAccelerator {

  private UbpAccelerator() {}

  /**
   * Returns the address of the accelerator, which stays valid until the process ends.
   *
   * @throws IllegalStateException if the native library cannot be loaded, the reason as its cause.
   */
  public static long handle() {
    NativeLibrary.checkLoaded();
    return nativeHandle();
  }

  /**
   * Sets the delegate's options for all models that will be compiled with the accelerator, in place
   * of those set before. Without a number of threads it takes that of LiteRT's own options.
   *
   * @throws IllegalStateException if the native library cannot be loaded, the reason as its cause.
   * @throws IllegalArgumentException if the delegate refuses an option, in its own words; then
   *     nothing is changed.
   * @throws OutOfMemoryError if the native memory does not suffice.
   */
  public static void setOptions(UbpDelegate.Options options) {
    NativeLibrary.checkLoaded();
    byte[] error = nativeSetOptions(Utf8.encode(options.keys()), Utf8.encode(options.values()));
    if (error != null) {
      throw new IllegalArgumentException(Utf8.decode(error));
    }
  }

  private static native long nativeHandle();

  // Returns null, or the sentence of a refusal. Texts are UTF-8 without NUL.
  private static native byte[] nativeSetOptions(byte[][] keys, byte[][] values);
}
