// A weight as libecho keeps it, and the table of all weights of one model.
#ifndef DEEP_TREE_ECHO_FORMATS_TENSOR_H_
#define DEEP_TREE_ECHO_FORMATS_TENSOR_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "formats/memory.h"

namespace echo {

// A matrix of `rows` x `columns`; a vector is one row. Data is row-major, each
// row echo_row_bytes(type, columns) long, or interleaved in groups of sixteen
// such rows (formats/repack.h); 64-byte aligned where a tensor begins.
struct Tensor {
  int32_t type = 0;               // echo_type
  size_t rows = 0;                // outputs of a matrix-vector product
  size_t columns = 0;             // inputs
  size_t row_bytes = 0;           // bytes of one row
  const uint8_t* data = nullptr;  // (rows, row_bytes), or (groups, 16 * row_bytes)
  bool interleaved = false;
  size_t first_row = 0;  // of an interleaved slice: rows of its first group before it, 0 ... 15
  int32_t raised = 0;    // the numbers in data are 2^raised times the true ones, see RaiseScales

  const float* floats() const { return reinterpret_cast<const float*>(data); }
};

// One tensor with its memory and its shape as the file has it.
struct StoredTensor {
  Tensor tensor;
  int32_t n_dims = 0;
  size_t shape[3] = {1, 1, 1};  // (d0, d1, d2) in PyTorch's order, missing leading ones are 1
  Block memory;                 // owns tensor.data; empty if it stays in the file
  uint64_t offset = 0;          // where its data begins in the file
};

// What a model file holds: header and tensors by their PyTorch names.
struct Weights {
  int32_t n_vocab = 0;
  int32_t n_embed = 0;
  int32_t n_layer = 0;
  int32_t type = 0;    // echo_type of the file's matrices
  uint64_t bytes = 0;  // sum of all tensors in memory
  std::map<std::string, StoredTensor> tensors;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_FORMATS_TENSOR_H_
