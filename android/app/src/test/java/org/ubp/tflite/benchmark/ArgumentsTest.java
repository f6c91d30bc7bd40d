// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite.benchmark;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.File;
import org.junit.Test;
import org.ubp.tflite.UbpDelegate.Options.Backend;
import org.ubp.tflite.UbpDelegate.Options.Precision;

/** The flags. */
public final class ArgumentsTest {

  @Test
  public void everyFlag() {
    Arguments arguments =
        Arguments.parse(
            " --graph=/data/local/tmp/m.tflite --num_threads=2\n--num_runs=7 --warmup_runs=0"
                + " --use_ubp=false --backend=gpu --precision=fp16_storage ");
    assertEquals(new File("/data/local/tmp/m.tflite"), arguments.graph);
    assertEquals(2, arguments.numThreads);
    assertEquals(7, arguments.numRuns);
    assertEquals(0, arguments.warmupRuns);
    assertFalse(arguments.useUbp);
    assertEquals(Backend.GPU, arguments.backend);
    assertEquals(Precision.FP16_STORAGE, arguments.precision);
    assertEquals("XNNPACK", arguments.runner());
    arguments.useUbp = true;
    assertEquals("UBP on gpu", arguments.runner());
  }

  @Test
  public void theDefaults() {
    Arguments arguments = Arguments.parse("--graph=m.tflite");
    assertEquals(0, arguments.numThreads);
    assertEquals(50, arguments.numRuns);
    assertEquals(5, arguments.warmupRuns);
    assertTrue(arguments.useUbp);
    assertEquals(Backend.CPU, arguments.backend);
    assertEquals(Precision.FP32, arguments.precision);
  }

  @Test
  public void whatIsWrongIsNamed() {
    String[][] cases = {
      {"", "'' is no flag such as --num_threads=2."},
      {"--graph", "'--graph' is no flag such as --num_threads=2."},
      {"--num_runs=5", "--graph is missing: it names the model."},
      {"--num_threads=0", "--num_threads is '0', expected a number from 1."},
      {"--num_runs=many", "--num_runs is 'many', expected a number from 1."},
      {"--warmup_runs=-1", "--warmup_runs is '-1', expected a number from 0."},
      {"--backend=npu", "--backend is 'npu', expected one of cpu, gpu, auto."},
      {"--precision=8", "--precision is '8', expected one of fp32, fp16_storage, fp16."},
      {"--use_ubp=yes", "--use_ubp is 'yes', expected true or false."},
      {
        "--use_gpu=true",
        "There is no flag --use_gpu; there are --graph, --num_threads, --num_runs, --warmup_runs,"
            + " --use_ubp, --backend and --precision."
      },
    };
    for (String[] each : cases) {
      IllegalArgumentException error =
          assertThrows(IllegalArgumentException.class, () -> Arguments.parse(each[0]));
      assertEquals(each[1], error.getMessage());
    }
  }
}
