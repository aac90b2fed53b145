// The recurrent weights times the state, in both layouts, and what comes from outside.
#if defined(DEEP_TREE_ECHO_OPS_RESERVOIR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef DEEP_TREE_ECHO_OPS_RESERVOIR_INL_H_
#undef DEEP_TREE_ECHO_OPS_RESERVOIR_INL_H_
#else
#define DEEP_TREE_ECHO_OPS_RESERVOIR_INL_H_
#endif

#include "hwy/highway.h"
#include "ops/reservoir.h"
#include "ops/unit-inl.h"

HWY_BEFORE_NAMESPACE();
namespace echo::ops::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class T>
HWY_INLINE void AddBands(const Bands<T>& bands, const T* HWY_RESTRICT x, T* HWY_RESTRICT total) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<uint8_t, decltype(d)> d8;
  const size_t lanes = hn::Lanes(d);
  for (size_t i = 0; i < bands.n_singles; ++i) {
    const Single<T>& single = bands.singles[i];
    total[single.row] += single.value * x[single.column];
  }
  const size_t rows = kBandVectors * lanes;
  const uint8_t* record = bands.records;
  size_t operation = 0;
  for (size_t block = 0; block < bands.n_blocks; ++block, total += rows) {
    hn::Vec<decltype(d)> sums[kBandVectors];
    for (size_t k = 0; k < kBandVectors; ++k) sums[k] = hn::LoadU(d, total + k * lanes);
    for (; operation < bands.ends[block]; ++operation) {
      const T* from = x + bands.starts[operation];
      const auto low = hn::LoadU(d, from);
      const auto high = hn::LoadU(d, from + lanes);
      const T* values = reinterpret_cast<const T*>(record + rows);
      for (size_t k = 0; k < kBandVectors; ++k) {
        const auto places = hn::PromoteTo(di, hn::LoadU(d8, record + k * lanes));
        const auto found = hn::TwoTablesLookupLanes(d, low, high, hn::IndicesFromVec(d, places));
        sums[k] = hn::MulAdd(hn::LoadU(d, values + k * lanes), found, sums[k]);
      }
      record += rows * (1 + sizeof(T));
    }
    for (size_t k = 0; k < kBandVectors; ++k) hn::StoreU(sums[k], d, total + k * lanes);
  }
}

// The sum over one row of weights with columns.
template <class T>
HWY_INLINE T SparseRow(const uint16_t* HWY_RESTRICT columns, const T* HWY_RESTRICT values, size_t n,
                       const T* HWY_RESTRICT x) {
#if HWY_TARGET <= HWY_AVX2 && HWY_ARCH_X86
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<uint16_t, decltype(d)> d16;
  const size_t lanes = hn::Lanes(d);
  auto even = hn::Zero(d);
  auto odd = hn::Zero(d);
  size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    const auto first = hn::PromoteTo(di, hn::LoadU(d16, columns + i));
    const auto second = hn::PromoteTo(di, hn::LoadU(d16, columns + i + lanes));
    even = hn::MulAdd(hn::LoadU(d, values + i), hn::GatherIndex(d, x, first), even);
    odd = hn::MulAdd(hn::LoadU(d, values + i + lanes), hn::GatherIndex(d, x, second), odd);
  }
  if (i < n) {
    const auto last = hn::PromoteTo(di, hn::LoadU(d16, columns + i));
    even = hn::MulAdd(hn::LoadU(d, values + i), hn::GatherIndex(d, x, last), even);
  }
  return hn::ReduceSum(d, hn::Add(even, odd));
#else
  // Without an instruction that gathers, one by one is the fastest.
  T sums[4] = {};
  size_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (size_t k = 0; k < 4; ++k) sums[k] += values[i + k] * x[columns[i + k]];
  }
  for (; i < n; ++i) sums[0] += values[i] * x[columns[i]];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
#endif
}

// The sum over one row of n weights, whole vectors, that has all columns.
template <class T>
HWY_INLINE T DenseRow(const T* HWY_RESTRICT values, size_t n, const T* HWY_RESTRICT x) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  hn::Vec<decltype(d)> sums[4] = {hn::Zero(d), hn::Zero(d), hn::Zero(d), hn::Zero(d)};
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    for (size_t k = 0; k < 4; ++k) {
      const size_t at = i + k * lanes;
      sums[k] = hn::MulAdd(hn::LoadU(d, values + at), hn::LoadU(d, x + at), sums[k]);
    }
  }
  for (; i < n; i += lanes) {
    sums[0] = hn::MulAdd(hn::LoadU(d, values + i), hn::LoadU(d, x + i), sums[0]);
  }
  return hn::ReduceSum(d, hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3])));
}

template <class T>
HWY_INLINE void AddRows(const Rows<T>& rows, size_t size, const T* HWY_RESTRICT x,
                        T* HWY_RESTRICT total) {
  for (size_t row = 0; row < size; ++row) {
    const size_t start = rows.starts[row];
    const size_t n = rows.starts[row + 1] - start;
    const T* values = rows.values + start;
    total[row] += rows.columns == nullptr ? DenseRow(values, n, x)
                                          : SparseRow(rows.columns + start, values, n, x);
  }
}

template <class T>
HWY_INLINE bool Step(const ReservoirSteps<T>& steps, const T* x, T* drive, T* next) {
  if (steps.bands != nullptr) {
    AddBands(*steps.bands, x, drive);
  } else {
    AddRows(*steps.rows, steps.size, x, drive);
  }
  return FinishUnits(steps.activation, drive, x, steps.keep, steps.leak, steps.padded, next);
}

template <class T>
HWY_INLINE void Drive(const ReservoirSteps<T>& steps, const T* u, size_t n_steps, T* drive) {
  const hn::ScalableTag<T> d;
  const size_t lanes = hn::Lanes(d);
  const T* weights = steps.driving;
  for (size_t row = 0; row < steps.padded; row += lanes) {
    const auto bias = hn::LoadU(d, steps.bias + row);
    hn::Vec<decltype(d)> sums[kDrivenSteps] = {bias, bias, bias, bias, bias, bias, bias, bias};
    if (n_steps == kDrivenSteps) {
      for (size_t i = 0; i < steps.n_driving; ++i) {
        const auto weight = hn::LoadU(d, weights + i * lanes);
        for (size_t t = 0; t < kDrivenSteps; ++t) {
          sums[t] = hn::MulAdd(weight, hn::Set(d, u[t * steps.n_driving + i]), sums[t]);
        }
      }
    } else {
      for (size_t t = 0; t < n_steps; ++t) {
        for (size_t i = 0; i < steps.n_driving; ++i) {
          const auto weight = hn::LoadU(d, weights + i * lanes);
          sums[t] = hn::MulAdd(weight, hn::Set(d, u[t * steps.n_driving + i]), sums[t]);
        }
      }
    }
    for (size_t t = 0; t < n_steps; ++t) hn::StoreU(sums[t], d, drive + t * steps.padded + row);
    weights += steps.n_driving * lanes;
  }
}

// Dispatch takes plain functions.
inline size_t LanesOfFloat() { return hn::Lanes(hn::ScalableTag<float>()); }
inline size_t LanesOfDouble() { return hn::Lanes(hn::ScalableTag<double>()); }
inline bool StepFloat(const ReservoirSteps<float>& s, const float* x, float* drive, float* next) {
  return Step(s, x, drive, next);
}
inline bool StepDouble(const ReservoirSteps<double>& s, const double* x, double* drive,
                       double* next) {
  return Step(s, x, drive, next);
}
inline void DriveFloat(const ReservoirSteps<float>& s, const float* u, size_t n, float* drive) {
  Drive(s, u, n, drive);
}
inline void DriveDouble(const ReservoirSteps<double>& s, const double* u, size_t n, double* drive) {
  Drive(s, u, n, drive);
}

}  // namespace echo::ops::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
