// An exponential of our own. The C library's differs in the last bit between
// machines, and one bit can change which token is drawn.
#ifndef DEEP_TREE_ECHO_TEXT_EXPONENTIAL_H_
#define DEEP_TREE_ECHO_TEXT_EXPONENTIAL_H_

#include <cstdint>
#include <cstring>

namespace echo {

// exp(x) for x <= 0, within two units in the last place; 0 below -87. Only float
// additions and multiplications in a fixed order, and no branch, so that a
// compiler can use vectors without changing a bit.
inline float ExpOfNegative(float x) {
  constexpr float kLowest = -87.0f;
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693145752f;  // 12 bits, so that products with n are exact
  constexpr float kLn2Low = 1.42860677e-6f;
  constexpr float kRounder = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const float bounded = x < kLowest ? kLowest : x;
  const float shifted = bounded * kLog2E + kRounder;
  const float n = shifted - kRounder;
  const float r = (bounded - n * kLn2High) - n * kLn2Low;  // |r| <= ln(2) / 2
  float sum = 1.0f / 5040.0f;                              // the Taylor series to r^7
  sum = sum * r + 1.0f / 720.0f;
  sum = sum * r + 1.0f / 120.0f;
  sum = sum * r + 1.0f / 24.0f;
  sum = sum * r + 1.0f / 6.0f;
  sum = sum * r + 0.5f;
  sum = sum * r + 1.0f;
  sum = sum * r + 1.0f;
  // 2^n: the integer stands in the low bits of `shifted`.
  uint32_t bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  // A mask and not a choice: compilers would make a branch around the product.
  const uint32_t mask = x < kLowest ? 0 : UINT32_MAX;
  bits = ((bits + 127) << 23) & mask;
  float power;
  std::memcpy(&power, &bits, sizeof(power));
  return sum * power;
}

}  // namespace echo
#endif  // DEEP_TREE_ECHO_TEXT_EXPONENTIAL_H_
