// The recurrent weights of a reservoir, laid out for one width of vectors.
#ifndef DEEP_TREE_ECHO_ESN_WEIGHTS_H_
#define DEEP_TREE_ECHO_ESN_WEIGHTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ops/reservoir.h"

namespace echo::esn {

// As they come: compressed sparse rows, columns rising within each.
template <class T>
struct Matrix {
  size_t size = 0;
  std::vector<uint64_t> starts;   // (size + 1)
  std::vector<uint16_t> columns;  // (nnz)
  std::vector<T> values;          // (nnz)
};

// As the kernels want them. Bands where they pay, else rows.
template <class T>
class Weights {
 public:
  // For vectors of `lanes`.
  Weights(const Matrix<T>& matrix, size_t lanes);

  size_t lanes() const { return lanes_; }
  // (size) the unit at each place of the kernels' state; empty: each in its own.
  const std::vector<uint16_t>& order() const { return order_; }
  // Both point into this object; the one that is not in use is nullptr.
  const ops::Bands<T>* bands() const { return banded_ ? &bands_ : nullptr; }
  const ops::Rows<T>* rows() const { return banded_ ? nullptr : &rows_; }

  Weights(const Weights&) = delete;
  Weights& operator=(const Weights&) = delete;

 private:
  // False if they come to cost more than `limit`.
  bool MakeBands(const Matrix<T>& matrix, double limit);
  void MakeRows(const Matrix<T>& matrix);
  double CostOfBands() const;
  static double CostOfRows(const Matrix<T>& matrix, bool dense);

  size_t lanes_;
  bool banded_ = false;
  std::vector<uint16_t> order_;
  std::vector<uint16_t> band_starts_;
  std::vector<uint32_t> band_ends_;
  std::vector<uint8_t> records_;
  std::vector<ops::Single<T>> singles_;
  std::vector<uint32_t> row_starts_;
  std::vector<uint16_t> columns_;
  std::vector<T> values_;
  ops::Bands<T> bands_{};
  ops::Rows<T> rows_{};
};

}  // namespace echo::esn
#endif  // DEEP_TREE_ECHO_ESN_WEIGHTS_H_
