#include "rwkv/binder.h"

#include <cstdio>

#include "formats/repack.h"
#include "formats/types.h"

namespace echo {
namespace {

// "(2, 3)" or "(2, 3, 4)" into text (size).
void DescribeShape(const StoredTensor& stored, char* text, size_t size) {
  const size_t* s = stored.shape;
  if (stored.n_dims == 1) {
    snprintf(text, size, "(%zu)", s[2]);
  } else if (stored.n_dims == 2) {
    snprintf(text, size, "(%zu, %zu)", s[1], s[2]);
  } else {
    snprintf(text, size, "(%zu, %zu, %zu)", s[0], s[1], s[2]);
  }
}

}  // namespace

void Binder::EnterBlock(size_t layer) { block_ = layer; }

void Binder::Reject(echo_status status) {
  if (status_ == ECHO_OK) status_ = status;
}

void Binder::RejectShape(const char* name, const StoredTensor& stored, const char* wanted) {
  char shape[80];
  DescribeShape(stored, shape, sizeof(shape));
  Reject(Fail(ECHO_ERROR_FORMAT,
              "%s has the shape %s, but %s with n_embed %d and n_vocab %d needs %s; convert the "
              "model again.",
              name, shape, architecture_, weights_.n_embed, weights_.n_vocab, wanted));
}

const StoredTensor* Binder::Find(const char* name) {
  if (status_ != ECHO_OK) return nullptr;
  if (block_ == kNoBlock) {
    snprintf(full_name_, sizeof(full_name_), "%s", name);
  } else {
    snprintf(full_name_, sizeof(full_name_), "blocks.%zu.%s", block_, name);
  }
  const auto found = weights_.tensors.find(full_name_);
  if (found != weights_.tensors.end()) return &found->second;
  Reject(Fail(ECHO_ERROR_FORMAT,
              "The file has no tensor %s, which %s with %d layers needs; it is incomplete, fetch "
              "or convert it again.",
              full_name_, architecture_, weights_.n_layer));
  return nullptr;
}

void Binder::Matrix(const char* name, size_t rows, size_t columns, Tensor* matrix) {
  const StoredTensor* stored = Find(name);
  if (stored == nullptr) return;
  const Tensor& tensor = stored->tensor;
  if (tensor.columns != columns || (rows != 0 && tensor.rows != rows)) {
    char wanted[64];
    if (rows == 0) {
      snprintf(wanted, sizeof(wanted), "(any, %zu)", columns);
    } else {
      snprintf(wanted, sizeof(wanted), "(%zu, %zu)", rows, columns);
    }
    RejectShape(full_name_, *stored, wanted);
    return;
  }
  *matrix = tensor;
}

void Binder::Matrices(const char* name, size_t count, size_t rows, size_t columns,
                      Tensor* matrices) {
  const StoredTensor* stored = Find(name);
  if (stored == nullptr) return;
  if (stored->tensor.columns != columns || stored->tensor.rows != count * rows) {
    char wanted[80];
    snprintf(wanted, sizeof(wanted), "(%zu, %zu, %zu)", count, rows, columns);
    RejectShape(full_name_, *stored, wanted);
    return;
  }
  for (size_t i = 0; i < count; ++i) {
    const size_t first = i * rows;
    Tensor& slice = matrices[i];
    slice = stored->tensor;
    slice.rows = rows;
    slice.first_row = slice.interleaved ? first % kGroupRows : 0;
    slice.data += (first - slice.first_row) * slice.row_bytes;
  }
}

void Binder::Vector(const char* name, size_t n, const float** vector) {
  const StoredTensor* stored = Find(name);
  if (stored == nullptr) return;
  const Tensor& tensor = stored->tensor;
  if (tensor.rows * tensor.columns != n) {
    char wanted[48];
    snprintf(wanted, sizeof(wanted), "%zu elements", n);
    RejectShape(full_name_, *stored, wanted);
    return;
  }
  if (tensor.type != ECHO_F32) {
    Reject(Fail(ECHO_ERROR_UNSUPPORTED,
                "%s is stored in %s, but only matrices may be; keep it in FP32 when converting.",
                full_name_, TypeName(tensor.type)));
    return;
  }
  *vector = tensor.floats();
}

void Binder::Norm(const char* name, size_t n, NormWeights* norm) {
  char part[64];
  snprintf(part, sizeof(part), "%s.weight", name);
  Vector(part, n, &norm->weight);
  snprintf(part, sizeof(part), "%s.bias", name);
  Vector(part, n, &norm->bias);
}

}  // namespace echo
