// An array that grows and never throws: where memory ends it stays as it is and says so.
#ifndef DEEP_TREE_ECHO_TEXT_POOL_H_
#define DEEP_TREE_ECHO_TEXT_POOL_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <type_traits>
#include <utility>

namespace echo {

// realloc in one place, lest each kind of array bring code of its own.
void* GrowPool(void* data, size_t bytes);

template <class T>
class Pool {
  static_assert(std::is_trivially_copyable_v<T>, "elements are moved as bytes");

 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() { std::free(data_); }

  T* data() { return data_; }
  const T* data() const { return data_; }
  size_t size() const { return size_; }
  size_t bytes() const { return capacity_ * sizeof(T); }
  T& operator[](size_t i) { return data_[i]; }
  const T& operator[](size_t i) const { return data_[i]; }

  // False, and nothing changed, if there is no memory.
  [[gnu::always_inline]] bool Push(T value) {
    if (size_ == capacity_ && !Reserve(size_ < 16 ? 32 : 2 * size_)) return false;
    data_[size_++] = value;
    return true;
  }

  // n elements, new ones of one value.
  bool Resize(size_t n, T value) {
    if (n > capacity_ && !Reserve(n > 2 * size_ ? n : 2 * size_)) return false;
    for (; size_ < n; ++size_) data_[size_] = value;
    size_ = n;
    return true;
  }

  void Truncate(size_t n) { size_ = n; }

  void Swap(Pool* other) {
    std::swap(data_, other->data_);
    std::swap(size_, other->size_);
    std::swap(capacity_, other->capacity_);
  }

 private:
  bool Reserve(size_t capacity) {
    void* grown = GrowPool(data_, capacity * sizeof(T));
    if (grown == nullptr) return false;
    data_ = static_cast<T*>(grown);
    capacity_ = capacity;
    return true;
  }

  T* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_TEXT_POOL_H_
