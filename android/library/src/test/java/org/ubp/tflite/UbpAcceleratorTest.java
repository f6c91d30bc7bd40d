// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertThrows;

import com.sun.jna.Pointer;
import org.junit.Test;
import org.ubp.tflite.UbpDelegate.Options;

/** The accelerator's address and options, with the native libraries built for this machine. */
public final class UbpAcceleratorTest {

  @Test
  public void theHandleIsTheAddressOfTheTableThatLiteRtReads() {
    Pointer table = new Pointer(UbpAccelerator.handle());
    assertEquals("its size", 200, table.getShort(0));
    assertEquals("its major version", 1, table.getShort(2));
    assertEquals(UbpAccelerator.handle(), Pointer.nativeValue(table));
  }

  @Test
  public void optionsAreSetAndRemoved() {
    UbpAccelerator.setOptions(new Options().setNumThreads(2).setTake(Options.Take.ALL));
    UbpAccelerator.setOptions(new Options());
  }

  @Test
  public void aRefusedOptionIsExplainedInTheDelegatesOwnWords() {
    IllegalArgumentException error =
        assertThrows(
            IllegalArgumentException.class,
            () -> UbpAccelerator.setOptions(new Options().set("take", "caf\u00e9 \uD83D\uDC08")));
    assertEquals(
        "the delegate option 'take' is 'caf\u00e9 \uD83D\uDC08', expected auto, sparse or all.",
        error.getMessage());
  }
}
