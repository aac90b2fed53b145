// Vectors without calls. In a side module a function with weak linkage, such as std::vector's own
// out-of-line ones, is called through JavaScript; that costs more than what it does here. These
// have internal linkage, and once the vectors have grown they call nothing.
#ifndef DEEP_TREE_ECHO_PSYSTEM_VECTORS_H_
#define DEEP_TREE_ECHO_PSYSTEM_VECTORS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace echo::psystem {

// n elements of one value.
template <class T>
static inline void Fill(std::vector<T>* vector, size_t n, T value) {
  vector->clear();
  if (vector->capacity() < n) vector->reserve(n);
  for (size_t i = 0; i < n; ++i) vector->push_back(value);
}

// Appends a range that lies elsewhere.
template <class T>
static inline void Append(std::vector<T>* vector, const T* begin, const T* end) {
  for (const T* item = begin; item != end; ++item) vector->push_back(*item);
}

// Sorts numbers, of which there are seldom many.
static inline void Sort(std::vector<uint32_t>* numbers) {
  constexpr size_t kFew = 24;
  if (numbers->size() > kFew) {
    std::sort(numbers->begin(), numbers->end());
    return;
  }
  uint32_t* const all = numbers->data();
  for (size_t i = 1; i < numbers->size(); ++i) {
    const uint32_t number = all[i];
    size_t at = i;
    for (; at > 0 && all[at - 1] > number; --at) all[at] = all[at - 1];
    all[at] = number;
  }
}

}  // namespace echo::psystem
#endif  // DEEP_TREE_ECHO_PSYSTEM_VECTORS_H_
