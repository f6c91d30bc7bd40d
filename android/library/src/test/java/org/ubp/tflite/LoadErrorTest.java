// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite;

import static org.junit.Assert.assertEquals;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.Test;

/** What an app sees whose native library is missing: another JVM that cannot find it. */
public final class LoadErrorTest {

  /** Runs in the other JVM. */
  public static final class App {
    public static void main(String[] arguments) {
      for (int attempt = 0; attempt < 2; ++attempt) {
        try {
          new UbpDelegate();
        } catch (IllegalStateException error) {
          System.out.println(error.getMessage());
          System.out.println(error.getCause().getClass().getSimpleName());
        }
      }
    }
  }

  @Test
  public void theErrorIsKeptAndThrownEachTime() throws IOException, InterruptedException {
    String java =
        System.getProperty("java.home") + File.separator + "bin" + File.separator + "java";
    Process process =
        new ProcessBuilder(
                java,
                "-cp",
                System.getProperty("java.class.path"),
                "-Djava.library.path=" + File.separator + "nowhere",
                App.class.getName())
            .redirectErrorStream(true)
            .start();
    List<String> lines;
    try (InputStream output = process.getInputStream()) {
      String text = new String(output.readAllBytes(), StandardCharsets.UTF_8);
      lines = Arrays.asList(text.split("\n"));
    }
    assertEquals(0, process.waitFor());
    String message =
        "The UBP delegate's native library could not be loaded: no ubp_delegate_jni in"
            + " java.library.path: /nowhere; the app must contain libubp_delegate_jni.so and"
            + " libubp_delegate.so for this device's ABI.";
    String cause = "UnsatisfiedLinkError";
    assertEquals(Arrays.asList(message, cause, message, cause), lines);
  }
}
