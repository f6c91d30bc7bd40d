// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite;

/** Loads libubp_delegate_jni.so and with it libubp_delegate.so, once, and keeps the error. */
final class NativeLibrary {

  private static final String NAME = "ubp_delegate_jni";
  private static final UnsatisfiedLinkError ERROR = load();

  private NativeLibrary() {}

  /** Returns why the library could not be loaded, or null if it was. */
  static UnsatisfiedLinkError error() {
    return ERROR;
  }

  /** Throws the error of loading, if there was one: each time, not only the first. */
  static void checkLoaded() {
    if (ERROR != null) {
      throw new IllegalStateException(
          "The UBP delegate's native library could not be loaded: "
              + ERROR.getMessage()
              + "; the app must contain lib"
              + NAME
              + ".so and libubp_delegate.so for this device's ABI.",
          ERROR);
    }
  }

  private static UnsatisfiedLinkError load() {
    try {
      System.loadLibrary(NAME);
      return null;
    } catch (UnsatisfiedLinkError error) {
      return error;
    }
  }
}
