// SPDX-License-Identifier: Apache-2.0
// Classifies a picture with a converted model: TensorFlow Lite's C API and the UBP delegate.
//
//   classify_image MODEL.tflite libubp_delegate.so PICTURE.png LABELS.txt [KEY=VALUE...]
//
// MODEL: one input [1, height, width, 3] float32 from -1 to 1, as MobileNet's; one output float32
// [1, classes]. PICTURE: any size. LABELS: a name a line. KEY=VALUE: see docs/delegate.md.
#include <dlfcn.h>
#include <err.h>
#include <png.h>
#include <tensorflow/lite/c/c_api.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

// The types of the two functions that every external delegate exports.
using CreateDelegate = TfLiteDelegate*(const char* const* keys, const char* const* values,
                                       size_t count, void (*report_error)(const char* message));
using DestroyDelegate = void(TfLiteDelegate* delegate);

static TfLiteDelegate* Create(CreateDelegate* create, char** options, char** end) {
  std::vector<const char*> keys, values;
  for (; options < end; ++options) {
    char* const equals = std::strchr(*options, '=');
    if (equals == nullptr) errx(1, "'%s' is no option such as num_threads=2", *options);
    *equals = '\0';
    keys.push_back(*options);
    values.push_back(equals + 1);
  }
  // Without a function to report errors to, the delegate writes them to standard error.
  TfLiteDelegate* const delegate = create(keys.data(), values.data(), keys.size(), nullptr);
  if (delegate == nullptr) errx(1, "there is no delegate, for the reason above");
  return delegate;
}

// Fills the input with the picture's nearest pixels.
static void ReadPicture(const char* path, TfLiteTensor* input) {
  if (TfLiteTensorType(input) != kTfLiteFloat32 || TfLiteTensorNumDims(input) != 4 ||
      TfLiteTensorDim(input, 0) != 1 || TfLiteTensorDim(input, 3) != 3)
    errx(1, "the model's input is not float32 [1, height, width, 3]");
  const size_t height = TfLiteTensorDim(input, 1), width = TfLiteTensorDim(input, 2);
  png_image picture = {};
  picture.version = PNG_IMAGE_VERSION;
  if (!png_image_begin_read_from_file(&picture, path)) errx(1, "%s: %s", path, picture.message);
  picture.format = PNG_FORMAT_RGB;
  std::vector<png_byte> pixels(PNG_IMAGE_SIZE(picture));
  if (!png_image_finish_read(&picture, nullptr, pixels.data(), 0, nullptr))
    errx(1, "%s: %s", path, picture.message);
  float* const values = static_cast<float*>(TfLiteTensorData(input));
  for (size_t i = 0; i < height * width * 3; ++i) {
    const size_t y = i / 3 / width * picture.height / height;
    const size_t x = i / 3 % width * picture.width / width;
    values[i] = pixels[(y * picture.width + x) * 3 + i % 3] / 127.5f - 1;
  }
}

static void PrintBestFive(const TfLiteTensor* output, const char* labels_path) {
  std::vector<std::string> labels;
  std::ifstream file(labels_path);
  for (std::string line; std::getline(file, line);) labels.push_back(line);
  if (TfLiteTensorByteSize(output) != labels.size() * sizeof(float))
    errx(1, "%s: not as many labels as the model has outputs", labels_path);
  const float* const scores = static_cast<const float*>(TfLiteTensorData(output));
  std::vector<size_t> best(labels.size());
  std::iota(best.begin(), best.end(), 0);
  std::sort(best.begin(), best.end(), [=](size_t a, size_t b) { return scores[a] > scores[b]; });
  best.resize(std::min<size_t>(best.size(), 5));
  for (size_t i : best) std::printf("%.6f  %s\n", scores[i], labels[i].c_str());
}

int main(int argc, char** argv) {
  if (argc < 5) errx(1, "usage: MODEL.tflite DELEGATE.so PICTURE.png LABELS.txt [KEY=VALUE...]");
  TfLiteModel* const model = TfLiteModelCreateFromFile(argv[1]);
  if (model == nullptr) errx(1, "%s: no TensorFlow Lite model", argv[1]);
  void* const library = dlopen(argv[2], RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) errx(1, "%s", dlerror());
  const auto create = (CreateDelegate*)dlsym(library, "tflite_plugin_create_delegate");
  const auto destroy = (DestroyDelegate*)dlsym(library, "tflite_plugin_destroy_delegate");
  if (create == nullptr || destroy == nullptr) errx(1, "%s: no external delegate", argv[2]);
  TfLiteDelegate* const delegate = Create(create, argv + 5, argv + argc);
  TfLiteInterpreterOptions* const options = TfLiteInterpreterOptionsCreate();
  TfLiteInterpreterOptionsAddDelegate(options, delegate);
  TfLiteInterpreter* const interpreter = TfLiteInterpreterCreate(model, options);
  if (interpreter == nullptr || TfLiteInterpreterAllocateTensors(interpreter) != kTfLiteOk)
    errx(1, "%s cannot be run, for the reason above", argv[1]);
  ReadPicture(argv[3], TfLiteInterpreterGetInputTensor(interpreter, 0));
  if (TfLiteInterpreterInvoke(interpreter) != kTfLiteOk) errx(1, "the inference failed");
  PrintBestFive(TfLiteInterpreterGetOutputTensor(interpreter, 0), argv[4]);
  TfLiteInterpreterOptionsDelete(options);
  TfLiteInterpreterDelete(interpreter);
  destroy(delegate);  // after the interpreter
  TfLiteModelDelete(model);
}
