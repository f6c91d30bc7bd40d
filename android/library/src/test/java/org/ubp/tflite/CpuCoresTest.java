// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;

/** Which cores count as fast. */
public final class CpuCoresTest {

  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  /** Writes what Linux would; a null core has no frequency. */
  private int fast(String... frequencies) throws IOException {
    for (int i = 0; i < frequencies.length; ++i) {
      if (frequencies[i] != null) {
        File core = folder.newFolder("cpu" + i, "cpufreq");
        Files.writeString(core.toPath().resolve("cpuinfo_max_freq"), frequencies[i]);
      }
    }
    return new CpuCores(folder.getRoot(), frequencies.length).fast();
  }

  @Test
  public void fourBigAndFourLittleCores() throws IOException {
    String big = "2800000\n";
    String little = "1800000\n";
    assertEquals(4, fast(little, little, little, little, big, big, big, big));
  }

  @Test
  public void threeKindsOfCores() throws IOException {
    String little = "1800000\n";
    assertEquals(3, fast(little, little, "2400000\n", "2400000\n", "3000000\n"));
  }

  @Test
  public void coresThatAreAlikeAreAllFast() throws IOException {
    assertEquals(2, fast("2000000\n", "2000000\n"));
  }

  @Test
  public void whereTheSystemDoesNotTellAllAreFast() throws IOException {
    assertEquals(3, fast("2000000\n", null, "1000000\n"));
  }

  @Test
  public void whereAFileIsDamagedAllAreFast() throws IOException {
    assertEquals(2, fast("2000000\n", "unknown\n"));
  }

  @Test
  public void thisMachineHasOneAtLeast() {
    assertTrue(CpuCores.ofThisDevice().fast() >= 1);
  }
}
