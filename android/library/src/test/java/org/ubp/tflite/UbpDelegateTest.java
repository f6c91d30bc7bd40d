// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertNotEquals;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.File;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;
import org.ubp.tflite.UbpDelegate.Options;

/** The delegate's life and its options, with the native libraries built for this machine. */
public final class UbpDelegateTest {

  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  @Test
  public void aDelegateHasAHandleUntilItIsClosed() {
    UbpDelegate delegate = new UbpDelegate();
    assertNotEquals(0, delegate.getNativeHandle());
    delegate.close();
    delegate.close();
    IllegalStateException error =
        assertThrows(IllegalStateException.class, delegate::getNativeHandle);
    assertTrue(error.getMessage(), error.getMessage().contains("closed already"));
  }

  @Test
  public void delegatesAreIndependent() {
    try (UbpDelegate first = new UbpDelegate();
        UbpDelegate second = new UbpDelegate(new Options().setNumThreads(2))) {
      assertNotEquals(first.getNativeHandle(), second.getNativeHandle());
    }
  }

  @Test
  public void theVersionIsThatOfTheNativeLibrary() {
    assertTrue(UbpDelegate.version(), UbpDelegate.version().matches("\\d+\\.\\d+\\.\\d+"));
  }

  @Test
  public void aRefusedOptionIsExplainedInTheDelegatesOwnWords() {
    Options options = new Options().setNumThreads(65);
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> new UbpDelegate(options));
    assertEquals(
        "the delegate option 'num_threads' is '65', expected a number from 1 to 64.",
        error.getMessage());
  }

  @Test
  public void thereIsASetterForEveryKeyAndNoOther() {
    Options options = new Options().set("nonsense", "1");
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> new UbpDelegate(options));
    String message = error.getMessage();
    String list = message.substring(message.lastIndexOf(" are ") + 5, message.length() - 1);
    assertEquals(setters(), new TreeSet<>(Arrays.asList(list.split(", "))));
  }

  /** Returns num_threads for setNumThreads and so on. */
  private static Set<String> setters() {
    return Arrays.stream(Options.class.getDeclaredMethods())
        .map(Method::getName)
        .filter(name -> name.matches("set.+"))
        .map(name -> name.substring(3).replaceAll("(?<=.)([A-Z])", "_$1").toLowerCase(Locale.ROOT))
        .collect(Collectors.toCollection(TreeSet::new));
  }

  @Test
  public void everyValueIsKnown() {
    for (Options.Take take : Options.Take.values()) {
      new UbpDelegate(new Options().setTake(take)).close();
    }
    for (Options.Backend backend : new Options.Backend[] {Options.Backend.CPU, Options.Backend.AUTO}) {
      new UbpDelegate(new Options().setBackend(backend)).close();
    }
    for (Options.Precision precision : Options.Precision.values()) {
      new UbpDelegate(new Options().setPrecision(precision)).close();
    }
    for (Options.Log log : Options.Log.values()) {
      new UbpDelegate(new Options().setLog(log)).close();
    }
    for (Options.Rule rule : Options.Rule.values()) {
      new UbpDelegate(new Options().setWithout(EnumSet.of(rule))).close();
    }
    new UbpDelegate(new Options().setWithout(EnumSet.allOf(Options.Rule.class))).close();
    for (boolean on : new boolean[] {false, true}) {
      new UbpDelegate(new Options().setSparseFromDense(on)).close();
      new UbpDelegate(new Options().setGpuTune(on)).close();
    }
    assertThrows(
        IllegalArgumentException.class,
        () -> new Options().setWithout(EnumSet.noneOf(Options.Rule.class)));
  }

  @Test
  public void filesNeedNotExist() {
    new UbpDelegate(new Options().setProfile(new File(folder.getRoot(), "profile.json"))).close();
    new UbpDelegate(new Options().setReport(new File(folder.getRoot(), "report.json"))).close();
    new UbpDelegate(new Options().setWeightCache(new File(folder.getRoot(), "m.cache"))).close();
    new UbpDelegate(new Options().setGpuCache(new File(folder.getRoot(), "gpu"))).close();
  }

  @Test
  public void aGpuThatIsNotThereIsNamed() {
    Options options =
        new Options().setBackend(Options.Backend.GPU).setGpuDevice("No such GPU in the world");
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> new UbpDelegate(options));
    String message = error.getMessage();
    assertTrue(message, message.startsWith("backend=gpu: no OpenCL "));
    assertTrue(message, message.endsWith("use backend=cpu."));
  }

  @Test
  public void aNameThatNoFileCanHaveIsRefused() {
    for (String name : new String[] {"a\0.json", "a\uD83D.json"}) {
      File file = new File(folder.getRoot(), name);
      IllegalArgumentException error =
          assertThrows(
              IllegalArgumentException.class, () -> new Options().setWeightCache(file));
      assertTrue(error.getMessage(), error.getMessage().startsWith("The option 'weight_cache' is"));
    }
  }

  @Test
  public void theWordsOfTheDelegateKeepEveryCharacter() {
    Options options = new Options().set("take", "caf\u00e9 \uD83D\uDC08");
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> new UbpDelegate(options));
    assertEquals(
        "the delegate option 'take' is 'caf\u00e9 \uD83D\uDC08', expected auto, sparse or all.",
        error.getMessage());
  }

  @Test
  public void noRuleIsMissing() {
    Options options = new Options().set("without", "nonsense");
    IllegalArgumentException error =
        assertThrows(IllegalArgumentException.class, () -> new UbpDelegate(options));
    String names =
        Arrays.stream(Options.Rule.values())
            .map(rule -> rule.name().toLowerCase(Locale.ROOT))
            .collect(Collectors.joining(", "));
    assertTrue(error.getMessage(), error.getMessage().contains("one or more of " + names + ","));
  }

  @Test
  public void kernelsAreAcceptedOrNotOfThisProcessor() {
    for (Options.Kernel kernel : Options.Kernel.values()) {
      try {
        new UbpDelegate(new Options().setKernel(kernel)).close();
      } catch (IllegalArgumentException refused) {
        assertTrue(refused.getMessage(), refused.getMessage().endsWith("on this processor."));
      }
    }
  }
}
