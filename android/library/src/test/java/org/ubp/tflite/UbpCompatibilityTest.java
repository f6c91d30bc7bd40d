// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import org.junit.Test;
import org.junit.runner.RunWith;
import org.robolectric.RobolectricTestRunner;
import org.ubp.tflite.UbpDelegate.Options;
import org.ubp.tflite.UbpDelegate.Options.Kernel;

/** What this machine supports, as an Android device. */
@RunWith(RobolectricTestRunner.class)
public final class UbpCompatibilityTest {

  @Test
  public void thisMachineIsSupported() {
    UbpCompatibility compatibility = UbpCompatibility.ofThisDevice();
    assertTrue(compatibility.reason(), compatibility.isDelegateSupported());
    assertTrue(compatibility.kernels().contains(Kernel.PORTABLE));
    EnumSet<Kernel> names = EnumSet.of(Kernel.AUTO, Kernel.REFERENCE);
    assertFalse(compatibility.kernels().stream().anyMatch(names::contains));
    new UbpDelegate(compatibility.bestOptions()).close();
  }

  @Test
  public void everyListedKernelRuns() {
    for (Kernel kernel : UbpCompatibility.ofThisDevice().kernels()) {
      new UbpDelegate(new Options().setKernel(kernel)).close();
    }
  }

  @Test
  public void theBestOptionsAreAThreadForEachFastCoreUpToFour() {
    for (int fast : new int[] {1, 2, 4, 8}) {
      UbpCompatibility device =
          new UbpCompatibility("", Arrays.asList(Kernel.NEON, Kernel.PORTABLE), fast);
      Options options = device.bestOptions();
      assertEquals(Arrays.asList("num_threads"), Arrays.asList(options.keys()));
      assertEquals(
          Arrays.asList(String.valueOf(Math.min(fast, 4))), Arrays.asList(options.values()));
    }
  }

  @Test
  public void anUnsupportedDeviceSaysWhy() {
    UbpCompatibility device = new UbpCompatibility("No library.", new ArrayList<>(), 4);
    assertFalse(device.isDelegateSupported());
    assertEquals("No library.", device.reason());
    IllegalStateException error = assertThrows(IllegalStateException.class, device::bestOptions);
    assertEquals("No library.", error.getMessage());
  }
}
