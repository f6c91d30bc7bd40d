// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite.benchmark;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertNotNull;
import static org.junit.Assert.assertTrue;

import android.content.Intent;
import android.view.View;
import android.view.ViewGroup;
import android.widget.Button;
import android.widget.Spinner;
import android.widget.TextView;
import java.io.File;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import org.junit.Before;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;
import org.junit.runner.RunWith;
import org.robolectric.Robolectric;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.RuntimeEnvironment;
import org.robolectric.shadows.ShadowLog;

/** The screen, with models that only count how often they are run. */
@RunWith(RobolectricTestRunner.class)
public final class BenchmarkActivityTest {

  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  private static List<String> events;

  /** Notes what is done to it. */
  private static final class CountingModel implements Model {
    @Override
    public void run() {
      events.add("run");
    }

    @Override
    public void close() {
      events.add("close");
    }
  }

  /** The activity with models of that kind, on the thread of the screen. */
  public static final class TestActivity extends BenchmarkActivity {
    @Override
    Model.Loader loader() {
      return arguments -> {
        if (arguments.graph.getName().startsWith("damaged")) {
          throw new IllegalArgumentException("The model is damaged.");
        }
        events.add(arguments.runner() + " " + arguments.graph.getName());
        return new CountingModel();
      };
    }

    @Override
    Executor background() {
      return Runnable::run;
    }
  }

  @Before
  public void forget() {
    events = new ArrayList<>();
  }

  private static BenchmarkActivity start(String arguments) {
    Intent intent = new Intent(RuntimeEnvironment.getApplication(), TestActivity.class);
    if (arguments != null) {
      intent.putExtra(BenchmarkActivity.ARGUMENTS, arguments);
    }
    return Robolectric.buildActivity(TestActivity.class, intent).setup().get();
  }

  /** Returns the first view of a kind. */
  private static <T extends View> T find(BenchmarkActivity activity, Class<T> kind) {
    return find(activity, kind, 0);
  }

  /** Returns the view of a kind that so many others come before. */
  private static <T extends View> T find(BenchmarkActivity activity, Class<T> kind, int before) {
    ViewGroup layout =
        (ViewGroup) ((ViewGroup) activity.findViewById(android.R.id.content)).getChildAt(0);
    T found = null;
    for (int i = 0; i < layout.getChildCount(); ++i) {
      if (layout.getChildAt(i).getClass() == kind && before-- == 0) {
        found = kind.cast(layout.getChildAt(i));
      }
    }
    assertNotNull(found);
    return found;
  }

  private static String result(BenchmarkActivity activity) {
    return find(activity, TextView.class).getText().toString();
  }

  @Test
  public void withArgumentsItMeasuresAtOnce() throws IOException {
    File model = folder.newFile("m.tflite");
    BenchmarkActivity activity =
        start("--graph=" + model + " --num_runs=3 --warmup_runs=2 --use_ubp=false");
    List<String> expected = List.of("XNNPACK m.tflite", "run", "run", "run", "run", "run", "close");
    assertEquals(expected, events);
    String text = result(activity);
    assertTrue(text, text.matches("m.tflite, XNNPACK: median \\d+\\.\\d{3} ms, p10 .*"));
    List<ShadowLog.LogItem> log = ShadowLog.getLogsForTag(BenchmarkActivity.TAG);
    assertEquals(text, log.get(log.size() - 1).msg);
  }

  @Test
  public void aChosenModelRunsWithWhatIsChosen() throws IOException {
    File files = RuntimeEnvironment.getApplication().getExternalFilesDir(null);
    for (String name : new String[] {"b.tflite", "a.tflite", "notes.txt"}) {
      assertTrue(new File(files, name).createNewFile());
    }
    BenchmarkActivity activity = start(null);
    Spinner models = find(activity, Spinner.class);
    assertEquals(2, models.getCount());
    models.setSelection(1);
    find(activity, Button.class).performClick();
    assertEquals("UBP on cpu b.tflite", events.get(0));
    Spinner runners = find(activity, Spinner.class, 1);
    assertEquals(3, runners.getCount());
    for (int runner : new int[] {BenchmarkActivity.GPU, BenchmarkActivity.XNNPACK}) {
      events.clear();
      runners.setSelection(runner);
      find(activity, Button.class).performClick();
      String name = runner == BenchmarkActivity.GPU ? "UBP on gpu" : "XNNPACK";
      assertEquals(name + " b.tflite", events.get(0));
      String text = result(activity);
      assertTrue(text, text.startsWith("b.tflite, " + name + ": median"));
    }
    assertTrue(find(activity, Button.class).isEnabled());
  }

  @Test
  public void withoutModelsItSaysWhereTheyGo() {
    BenchmarkActivity activity = start(null);
    assertTrue(result(activity), result(activity).startsWith("There is no .tflite file in "));
    assertFalse(find(activity, Button.class).isEnabled());
  }

  @Test
  public void errorsAreShown() throws IOException {
    assertEquals("--graph is missing: it names the model.", result(start("--num_runs=1")));
    File model = folder.newFile("damaged.tflite");
    assertEquals("damaged.tflite, UBP on cpu: The model is damaged.", result(start("--graph=" + model)));
    assertEquals(
        "gone.tflite, UBP on cpu: /gone.tflite: no such file.", result(start("--graph=/gone.tflite")));
    assertEquals(List.of(), events);
  }
}
