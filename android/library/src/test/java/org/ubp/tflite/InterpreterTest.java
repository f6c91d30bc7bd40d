// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotNull;

import com.sun.jna.Library;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;
import org.ubp.tflite.UbpDelegate.Options;

/**
 * A converted model in a real interpreter with a delegate made in Java. TensorFlow Lite's own Java
 * library is built for Android only; its C library, which takes the same handle, runs here.
 */
public final class InterpreterTest {

  private static final float TOLERANCE = 1e-5f;

  /** The functions of tensorflow/lite/c/c_api.h that are used here. */
  public interface TfLite extends Library {
    Pointer TfLiteModelCreateFromFile(String path);

    void TfLiteModelDelete(Pointer model);

    Pointer TfLiteInterpreterOptionsCreate();

    void TfLiteInterpreterOptionsAddDelegate(Pointer options, Pointer delegate);

    void TfLiteInterpreterOptionsDelete(Pointer options);

    Pointer TfLiteInterpreterCreate(Pointer model, Pointer options);

    void TfLiteInterpreterDelete(Pointer interpreter);

    int TfLiteInterpreterAllocateTensors(Pointer interpreter);

    Pointer TfLiteInterpreterGetInputTensor(Pointer interpreter, int index);

    int TfLiteTensorCopyFromBuffer(Pointer tensor, Pointer data, long bytes);

    int TfLiteInterpreterInvoke(Pointer interpreter);

    Pointer TfLiteInterpreterGetOutputTensor(Pointer interpreter, int index);

    int TfLiteTensorCopyToBuffer(Pointer tensor, Pointer data, long bytes);
  }

  private static final TfLite TFLITE =
      Native.load(
          new File(System.getProperty("tflite.c"), "libtensorflowlite_c.so").getPath(),
          TfLite.class);

  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  @Test
  public void theResultsAreThoseOfThePythonInterpreter() throws IOException {
    float[] expected = read("output.f32");
    for (int threads = 1; threads <= 2; ++threads) {
      assertArrayEquals(expected, run(new Options().setNumThreads(threads)), TOLERANCE);
    }
    Options reference = new Options().setKernel(Options.Kernel.REFERENCE);
    assertArrayEquals(expected, run(reference), TOLERANCE);
  }

  @Test
  public void aFileMayHaveAnyName() throws IOException {
    // The cat is outside the Basic Multilingual Plane.
    for (String name : new String[] {"\uD83D\uDC08.json", "caf\u00e9.json"}) {
      File report = new File(folder.newFolder(), name);
      run(new Options().setReport(report));
      assertArrayEquals(new String[] {name}, report.getParentFile().list());
    }
  }

  private static float[] run(Options delegateOptions) throws IOException {
    Pointer model = TFLITE.TfLiteModelCreateFromFile(path("model.tflite").getPath());
    assertNotNull(model);
    try (UbpDelegate delegate = new UbpDelegate(delegateOptions)) {
      Pointer options = TFLITE.TfLiteInterpreterOptionsCreate();
      TFLITE.TfLiteInterpreterOptionsAddDelegate(options, new Pointer(delegate.getNativeHandle()));
      Pointer interpreter = TFLITE.TfLiteInterpreterCreate(model, options);
      assertNotNull(interpreter);
      try {
        return invoke(interpreter, read("input.f32"), read("output.f32").length);
      } finally {
        TFLITE.TfLiteInterpreterDelete(interpreter);
        TFLITE.TfLiteInterpreterOptionsDelete(options);
      }
    } finally {
      TFLITE.TfLiteModelDelete(model);
    }
  }

  private static float[] invoke(Pointer interpreter, float[] input, int outputs) {
    assertEquals(0, TFLITE.TfLiteInterpreterAllocateTensors(interpreter));
    try (Memory in = new Memory(4L * input.length);
        Memory out = new Memory(4L * outputs)) {
      in.write(0, input, 0, input.length);
      Pointer tensor = TFLITE.TfLiteInterpreterGetInputTensor(interpreter, 0);
      assertEquals(0, TFLITE.TfLiteTensorCopyFromBuffer(tensor, in, in.size()));
      assertEquals(0, TFLITE.TfLiteInterpreterInvoke(interpreter));
      tensor = TFLITE.TfLiteInterpreterGetOutputTensor(interpreter, 0);
      assertEquals(0, TFLITE.TfLiteTensorCopyToBuffer(tensor, out, out.size()));
      return out.getFloatArray(0, outputs);
    }
  }

  /** Reads little-endian floats. */
  private static float[] read(String name) throws IOException {
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(path(name).toPath()));
    float[] values = new float[bytes.remaining() / 4];
    bytes.order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
    return values;
  }

  private static File path(String name) {
    File file = new File(System.getProperty("ubp.jvm"), name);
    assertEquals(file + " is missing: './run test' makes it", true, file.isFile());
    return file;
  }
}
