// Finding a model's tensors by name and checking them, so that the forward pass
// can trust every pointer. The first failure sticks: binding code asks for
// everything in a row and looks at status() once.
#ifndef DEEP_TREE_ECHO_RWKV_BINDER_H_
#define DEEP_TREE_ECHO_RWKV_BINDER_H_

#include <cstddef>

#include "formats/tensor.h"
#include "status.h"

namespace echo {

// Weights of a layer norm or group norm.
struct NormWeights {
  const float* weight = nullptr;
  const float* bias = nullptr;
};

class Binder {
 public:
  // `architecture` is its name in sentences, such as "RWKV 7.0".
  Binder(const Weights& weights, const char* architecture)
      : weights_(weights), architecture_(architecture) {}

  echo_status status() const { return status_; }

  // From here on names are those within block `layer` ...
  void EnterBlock(size_t layer);
  // ... and from here on names of the whole file.
  void LeaveBlocks() { block_ = kNoBlock; }

  // The tensor as stored, nullptr (and a failure) if there is none.
  const StoredTensor* Find(const char* name);

  // A matrix (rows, columns) of any type. 0 rows: any number of them.
  void Matrix(const char* name, size_t rows, size_t columns, Tensor* matrix);

  // `count` matrices (rows, columns) in one tensor (count, rows, columns) or
  // (count * rows, columns).
  void Matrices(const char* name, size_t count, size_t rows, size_t columns, Tensor* matrices);

  // `n` FP32 numbers in any shape.
  void Vector(const char* name, size_t n, const float** vector);

  // A norm over n: vectors "name.weight" and "name.bias".
  void Norm(const char* name, size_t n, NormWeights* norm);

  // A failure that the caller has worded with Fail().
  void Reject(echo_status status);

  const char* architecture() const { return architecture_; }

 private:
  static constexpr size_t kNoBlock = static_cast<size_t>(-1);

  void RejectShape(const char* name, const StoredTensor& stored, const char* wanted);

  const Weights& weights_;
  const char* architecture_;
  size_t block_ = kNoBlock;
  char full_name_[96] = {};  // of the tensor looked for last
  echo_status status_ = ECHO_OK;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_RWKV_BINDER_H_
