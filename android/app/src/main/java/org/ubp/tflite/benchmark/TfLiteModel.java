// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite.benchmark;

import java.io.File;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import org.tensorflow.lite.DataType;
import org.tensorflow.lite.Interpreter;
import org.tensorflow.lite.Tensor;
import org.ubp.tflite.UbpCompatibility;
import org.ubp.tflite.UbpDelegate;

/** A model in TensorFlow Lite, with random inputs. */
final class TfLiteModel implements Model {

  private final UbpDelegate delegate; // null: XNNPACK
  private final Interpreter interpreter;
  private final Object[] inputs;
  private final Map<Integer, Object> outputs = new HashMap<>();

  /** The directory keeps the GPU's compiled programs. */
  TfLiteModel(Arguments arguments, File gpuCache) {
    int best = UbpCompatibility.ofThisDevice().bestNumThreads();
    int threads = arguments.numThreads > 0 ? arguments.numThreads : best;
    Interpreter.Options options = new Interpreter.Options().setNumThreads(threads);
    UbpDelegate.Options delegateOptions =
        new UbpDelegate.Options()
            .setNumThreads(threads)
            .setBackend(arguments.backend)
            .setPrecision(arguments.precision)
            .setGpuCache(gpuCache);
    delegate = arguments.useUbp ? new UbpDelegate(delegateOptions) : null;
    if (delegate != null) {
      options.addDelegate(delegate);
    }
    try {
      interpreter = new Interpreter(arguments.graph, options);
    } catch (RuntimeException error) {
      closeDelegate();
      throw error;
    }
    inputs = new Object[interpreter.getInputTensorCount()];
    for (int i = 0; i < inputs.length; ++i) {
      inputs[i] = randomInput(interpreter.getInputTensor(i));
    }
    for (int i = 0; i < interpreter.getOutputTensorCount(); ++i) {
      outputs.put(i, buffer(interpreter.getOutputTensor(i)));
    }
  }

  @Override
  public void run() {
    for (Object input : inputs) {
      ((ByteBuffer) input).rewind();
    }
    for (Object output : outputs.values()) {
      ((ByteBuffer) output).rewind();
    }
    interpreter.runForMultipleInputsOutputs(inputs, outputs);
  }

  @Override
  public void close() {
    interpreter.close();
    closeDelegate();
  }

  private void closeDelegate() {
    if (delegate != null) {
      delegate.close();
    }
  }

  private static ByteBuffer buffer(Tensor tensor) {
    return ByteBuffer.allocateDirect(tensor.numBytes()).order(ByteOrder.nativeOrder());
  }

  /** Standard normal floats; zeros of any other type. */
  private static ByteBuffer randomInput(Tensor tensor) {
    ByteBuffer values = buffer(tensor);
    if (tensor.dataType() == DataType.FLOAT32) {
      Random random = new Random(0);
      while (values.hasRemaining()) {
        values.putFloat((float) random.nextGaussian());
      }
    }
    return values;
  }
}
