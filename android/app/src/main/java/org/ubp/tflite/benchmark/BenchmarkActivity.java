// SPDX-License-Identifier: Apache-2.0
package org.ubp.tflite.benchmark;

import android.app.Activity;
import android.os.Bundle;
import android.util.Log;
import android.view.View;
import android.widget.ArrayAdapter;
import android.widget.Button;
import android.widget.LinearLayout;
import android.widget.Spinner;
import android.widget.TextView;
import java.io.File;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;
import org.ubp.tflite.UbpDelegate.Options.Backend;

/**
 * The one screen: choose a model and what runs it, see the latency.
 *
 * <p>The models are the .tflite files in the app's own folder, Android/data/PACKAGE/files on shared
 * storage. Started with the string extra "args", it measures at once; see {@link Arguments}.
 * Results also go to the log, under the tag "ubp_benchmark".
 */
public class BenchmarkActivity extends Activity {

  static final String TAG = "ubp_benchmark";
  static final String ARGUMENTS = "args";

  private static final String[] RUNNERS = {"UBP on the CPU", "UBP on the GPU", "XNNPACK"};
  static final int GPU = 1; // their places
  static final int XNNPACK = 2;

  private Spinner models;
  private Spinner runners;
  private Button run;
  private TextView result;
  private Executor background;
  private Benchmark benchmark;

  @Override
  protected void onCreate(Bundle state) {
    super.onCreate(state);
    background = background();
    benchmark = new Benchmark(loader());
    setContentView(content());
    String text = getIntent().getStringExtra(ARGUMENTS);
    if (text != null) {
      start(text);
    }
  }

  /** What runs models; tests put another in its place. */
  Model.Loader loader() {
    return new Model.Loader() {
      @Override
      public Model load(Arguments arguments) {
        return new TfLiteModel(arguments, new File(getCodeCacheDir(), "gpu"));
      }
    };
  }

  /** Where models run: not on the thread of the screen. */
  Executor background() {
    return Executors.newSingleThreadExecutor();
  }

  private View content() {
    models = choice(modelNames());
    runners = choice(Arrays.asList(RUNNERS));
    run = new Button(this);
    run.setText("Run");
    run.setOnClickListener(
        new View.OnClickListener() {
          @Override
          public void onClick(View view) {
            startChosen();
          }
        });
    result = new TextView(this);
    LinearLayout layout = new LinearLayout(this);
    layout.setOrientation(LinearLayout.VERTICAL);
    for (View view : new View[] {models, runners, run, result}) {
      layout.addView(view);
    }
    if (models.getCount() == 0) {
      show("There is no .tflite file in " + getExternalFilesDir(null) + ".");
      run.setEnabled(false);
    }
    return layout;
  }

  private Spinner choice(List<String> names) {
    Spinner spinner = new Spinner(this);
    spinner.setAdapter(
        new ArrayAdapter<>(this, android.R.layout.simple_spinner_dropdown_item, names));
    return spinner;
  }

  private List<String> modelNames() {
    List<String> names = new ArrayList<>();
    String[] files = getExternalFilesDir(null).list();
    for (String name : files == null ? new String[0] : files) {
      if (name.endsWith(".tflite")) {
        names.add(name);
      }
    }
    names.sort(null);
    return names;
  }

  private void startChosen() {
    Arguments arguments = new Arguments();
    arguments.graph = new File(getExternalFilesDir(null), (String) models.getSelectedItem());
    int runner = runners.getSelectedItemPosition();
    arguments.useUbp = runner != XNNPACK;
    arguments.backend = runner == GPU ? Backend.GPU : Backend.CPU;
    start(arguments);
  }

  private void start(String text) {
    try {
      start(Arguments.parse(text));
    } catch (IllegalArgumentException error) {
      show(error.getMessage());
    }
  }

  private void start(final Arguments arguments) {
    run.setEnabled(false);
    show("running ...");
    background.execute(
        new Runnable() {
          @Override
          public void run() {
            final String text = measure(arguments);
            runOnUiThread(
                new Runnable() {
                  @Override
                  public void run() {
                    finished(text);
                  }
                });
          }
        });
  }

  private String measure(Arguments arguments) {
    String what = arguments.graph.getName() + ", " + arguments.runner() + ": ";
    try {
      return what + benchmark.run(arguments);
    } catch (IllegalArgumentException | IllegalStateException error) {
      return what + error.getMessage();
    }
  }

  private void finished(String text) {
    show(text);
    run.setEnabled(models.getCount() > 0);
  }

  private void show(String text) {
    Log.i(TAG, text);
    result.setText(text);
  }
}
