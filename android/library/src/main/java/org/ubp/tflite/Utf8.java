// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite;

import java.nio.charset.StandardCharsets;

/** Text as the native library takes and gives it. */
final class Utf8 {

  private Utf8() {}

  static byte[][] encode(String[] texts) {
    byte[][] bytes = new byte[texts.length][];
    for (int i = 0; i < texts.length; ++i) {
      bytes[i] = texts[i].getBytes(StandardCharsets.UTF_8);
    }
    return bytes;
  }

  static String decode(byte[] bytes) {
    return new String(bytes, StandardCharsets.UTF_8);
  }
}
