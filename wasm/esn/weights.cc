#include "esn/weights.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace echo::esn {
namespace {

// Registers that look up eight numbers or more are worth it; WebAssembly has none.
constexpr size_t kLeastLanes = 8;
#ifdef __wasm__
constexpr bool kBanded = false;
#else
constexpr bool kBanded = true;
#endif
// Weights of a row that may lie beyond the two vectors an operation holds: each
// operation leaves out the row that is furthest behind.
constexpr size_t kLeftOut = 1;

// Rough costs in cycles, measured on AMD Zen 4.
constexpr double kCostOfVector = 2.8;  // of a band's operation
constexpr double kCostOfSingle = 2.0;
constexpr double kCostOfGathered = 1.2;  // of a weight in a row
constexpr double kCostOfRow = 10.0;

// A share of non-zeros from which on whole rows are read faster than columns.
constexpr double kDense = 0.4;

}  // namespace

template <class T>
Weights<T>::Weights(const Matrix<T>& matrix, size_t lanes) : lanes_(lanes) {
  const double squared = static_cast<double>(matrix.size) * static_cast<double>(matrix.size);
  const bool dense = static_cast<double>(matrix.values.size()) > kDense * squared;
  if (lanes >= kLeastLanes && matrix.size >= 2 * lanes) {
    banded_ = MakeBands(matrix, CostOfRows(matrix, dense));
  }
  if (banded_) {
    bands_ = {band_starts_.data(), band_ends_.data(), records_.data(),
              singles_.data(),     band_ends_.size(), singles_.size()};
    return;
  }
  order_ = {};
  band_starts_ = {};
  band_ends_ = {};
  records_ = {};
  singles_ = {};
  MakeRows(matrix);
  rows_ = {row_starts_.data(), columns_.empty() ? nullptr : columns_.data(), values_.data()};
}

template <class T>
double Weights<T>::CostOfBands() const {
  return kCostOfVector * ops::kBandVectors * static_cast<double>(band_starts_.size()) +
         kCostOfSingle * static_cast<double>(singles_.size());
}

template <class T>
double Weights<T>::CostOfRows(const Matrix<T>& matrix, bool dense) {
  const double n = static_cast<double>(matrix.size);
  const double read = dense ? n * n * sizeof(T) / 24.0  // bytes from the cache a cycle
                            : kCostOfGathered * static_cast<double>(matrix.values.size());
  return read + kCostOfRow * n;
}

// Each block's rows are walked from left to right together. As the columns of a row
// rise, the first weights that are left bound what the next operation can hold; that
// begins at the least of them, but for kLeftOut rows.
template <class T>
bool Weights<T>::MakeBands(const Matrix<T>& matrix, double limit) {
  if constexpr (!kBanded) return false;
  const size_t size = matrix.size;
  const auto length = [&](size_t row) { return matrix.starts[row + 1] - matrix.starts[row]; };
  order_.resize(size);
  std::iota(order_.begin(), order_.end(), uint16_t{0});
  std::stable_sort(order_.begin(), order_.end(),
                   [&](uint16_t a, uint16_t b) { return length(a) < length(b); });
  std::vector<uint16_t> place(size);
  for (size_t i = 0; i < size; ++i) place[order_[i]] = static_cast<uint16_t>(i);

  struct Weight {
    uint16_t column;
    T value;
  };
  const size_t block_rows = ops::kBandVectors * lanes_;
  const size_t window = 2 * lanes_;
  const size_t record_bytes = block_rows * (1 + sizeof(T));
  std::vector<Weight> weights;           // of the block, row after row
  std::vector<size_t> next(block_rows);  // the first weight of each that is left
  std::vector<size_t> end(block_rows);
  for (size_t first = 0; first < size; first += block_rows) {
    const size_t count = std::min(block_rows, size - first);
    weights.clear();
    for (size_t i = 0; i < count; ++i) {
      const size_t row = order_[first + i];
      next[i] = weights.size();
      for (uint64_t k = matrix.starts[row]; k < matrix.starts[row + 1]; ++k) {
        weights.push_back({place[matrix.columns[k]], matrix.values[k]});
      }
      end[i] = weights.size();
      std::sort(weights.begin() + static_cast<ptrdiff_t>(next[i]), weights.end(),
                [](const Weight& a, const Weight& b) { return a.column < b.column; });
    }
    for (;;) {
      // The least column that is left, and the least but for kLeftOut rows.
      size_t least[kLeftOut + 1];
      std::fill(std::begin(least), std::end(least), SIZE_MAX);
      for (size_t i = 0; i < count; ++i) {
        if (next[i] == end[i]) continue;
        const size_t column = weights[next[i]].column;
        if (column >= least[kLeftOut]) continue;
        size_t at = kLeftOut;
        for (; at > 0 && least[at - 1] > column; --at) least[at] = least[at - 1];
        least[at] = column;
      }
      if (least[0] == SIZE_MAX) break;
      if (CostOfBands() >= limit) return false;
      const size_t start = least[kLeftOut];
      for (size_t i = 0; i < count; ++i) {
        for (; next[i] < end[i] && weights[next[i]].column < start; ++next[i]) {
          const Weight& weight = weights[next[i]];
          singles_.push_back({weight.value, static_cast<uint16_t>(first + i), weight.column});
        }
      }
      if (start == SIZE_MAX) break;
      band_starts_.push_back(static_cast<uint16_t>(start));
      records_.resize(records_.size() + record_bytes);
      uint8_t* places = records_.data() + records_.size() - record_bytes;
      uint8_t* values = places + block_rows;
      for (size_t i = 0; i < count; ++i) {
        if (next[i] == end[i] || weights[next[i]].column >= start + window) continue;
        const Weight& weight = weights[next[i]++];
        places[i] = static_cast<uint8_t>(weight.column - start);
        std::memcpy(values + i * sizeof(T), &weight.value, sizeof(T));
      }
    }
    band_ends_.push_back(static_cast<uint32_t>(band_starts_.size()));
  }
  // By columns, so that one sum does not wait for the one before.
  std::stable_sort(singles_.begin(), singles_.end(),
                   [](const auto& a, const auto& b) { return a.column < b.column; });
  return true;
}

template <class T>
void Weights<T>::MakeRows(const Matrix<T>& matrix) {
  const size_t size = matrix.size;
  const double squared = static_cast<double>(size) * static_cast<double>(size);
  const bool dense = static_cast<double>(matrix.values.size()) > kDense * squared;
  const auto whole = [&](size_t n) { return (n + lanes_ - 1) / lanes_ * lanes_; };
  row_starts_.push_back(0);
  for (size_t row = 0; row < size; ++row) {
    const uint64_t first = matrix.starts[row];
    const size_t count = matrix.starts[row + 1] - first;
    const size_t start = row_starts_.back();
    const size_t end = start + whole(dense ? size : count);
    values_.resize(end);
    if (!dense) columns_.resize(end);
    for (size_t k = 0; k < count; ++k) {
      const uint16_t column = matrix.columns[first + k];
      values_[start + (dense ? column : k)] = matrix.values[first + k];
      if (!dense) columns_[start + k] = column;
    }
    row_starts_.push_back(static_cast<uint32_t>(end));
  }
}

template class Weights<float>;
template class Weights<double>;

}  // namespace echo::esn
