// SPDX-License-Identifier: Apache-2.0
// Makes a model of an input's bytes: nodes of all operators that the delegate knows, which mostly fit, and then damages it.
#ifndef UBP_TESTS_FUZZ_MODEL_MAKER_H_
#define UBP_TESTS_FUZZ_MODEL_MAKER_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/interpreter.h"

namespace ubp {

class ModelMaker {
 public:
  ModelMaker(FuzzInput* input, Interpreter* model) : input_(input), model_(model) {}

  // Adds nodes, some of them damaged.
  void Make();

  // Sizes may be such that running the model takes more time and memory than a test has.
  bool large() const { return large_; }
  // Some node or tensor is not as a converter writes it.
  bool damaged() const { return damaged_; }

 private:
  using Words =
      std::array<int32_t, 8>;  // parameters, as TFLite's structs have them; unused ones behind

  void AddNode();
  void AddConvolution(int input, bool depthwise);
  void AddPackedConvolution(int input);
  void AddTransposeConv(int input);
  void AddPackedTransposeConv(int input);
  void AddResample(int input);
  void AddDense(int input);
  void AddPackedDense(int input);
  void AddPool(int input);
  void AddMean(int input);
  void AddPad(int input);
  void AddTranspose(int input);
  void AddReshape(int input);
  void AddShapeChain(int input, int shape);
  void AddConcatenation(int input);
  void AddArithmetic(int input);
  void AddUnary(int input);
  void AddLeft(int input);

  void Damage();
  void DamageTensor(int index);
  void DamageSparsity(TfLiteSparsity* sparsity);
  void DamageNode(int index);

  // A size of an axis or window that damage sets.
  int AnySize();
  int Size(int most) { return input_->Between(1, most); }
  // A tensor that has been computed or given, of this rank where there is one.
  int Some(size_t rank);
  int Activation(const Dims& dims);
  // Of small numbers, part of them zeros; sometimes stored as float16 behind a DEQUANTIZE, or sparsely behind a DENSIFY.
  int Weights(const Dims& dims, int lanes);
  int Bias(int channels);
  // Of a window over an axis, with the padding in `same`, which is set where there is no output without.
  static int OutputSize(int size, int kernel, int stride, int dilation, bool* same);
  void Add(int code, std::vector<int> inputs, int output, const Words& parameters = {});
  void AddCustom(const char* name, const std::vector<uint8_t>& options, std::vector<int> inputs,
                 int output);

  FuzzInput* input_;
  Interpreter* model_;
  std::vector<int> activations_;  // tensors
  bool large_ = false;
  bool damaged_ = false;
};

}  // namespace ubp

#endif  // UBP_TESTS_FUZZ_MODEL_MAKER_H_
