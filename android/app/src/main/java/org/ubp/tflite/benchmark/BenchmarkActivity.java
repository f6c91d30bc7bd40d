package org.ubp.tflite.benchmark;

import android.app.Activity;
import android.os.Bundle;
import android.util.Log;
import android.view.View;
import android.widget.ArrayAdapter;
import android.widget.Button;
import android.widget.CheckBox;
import android.widget.LinearLayout;
import android.widget.Spinner;
import android.widget.TextView;
import java.io.File;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.Executors;

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

  private Spinner models;
  private CheckBox useUbp;
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
        return new TfLiteModel(arguments);
      }
    };
  }

  /** Where models run: not on the thread of the screen. */
  Executor background() {
    return Executors.newSingleThreadExecutor();
  }

  private View content() {
    models = new Spinner(this);
    models.setAdapter(
        new ArrayAdapter<>(this, android.R.layout.simple_spinner_dropdown_item, modelNames()));
    useUbp = new CheckBox(this);
    useUbp.setText("UBP delegate (otherwise XNNPACK)");
    useUbp.setChecked(true);
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
    for (View view : new View[] {models, useUbp, run, result}) {
      layout.addView(view);
    }
    if (models.getCount() == 0) {
      show("There is no .tflite file in " + getExternalFilesDir(null) + ".");
      run.setEnabled(false);
    }
    return layout;
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
    arguments.useUbp = useUbp.isChecked();
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
    String what = arguments.graph.getName() + (arguments.useUbp ? ", UBP: " : ", XNNPACK: ");
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
