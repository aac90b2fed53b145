// Binomial draws: by inversion, or as a rounded normal variate where many succeed.
#include "psystem/binomial.h"

#include <algorithm>
#include <cmath>

namespace echo {
namespace {

constexpr double kInverted = 32.0;
constexpr double kExact = 65536.0;
constexpr int kMostInverted = 400;

uint64_t Inversion(uint64_t n, double p, Random* random) {
  const double q = 1.0 - p;
  double mass = 1.0;
  double power = q;
  for (uint64_t exponent = n; exponent != 0; exponent >>= 1) {
    if ((exponent & 1) != 0) mass *= power;
    power *= power;
  }
  const double odds = p / q;
  const double top = static_cast<double>(n + 1) * odds;
  double u = random->Uniform53();
  uint64_t k = 0;
  while (u > mass && k < n && k < kMostInverted) {
    u -= mass;
    ++k;
    mass *= top / static_cast<double>(k) - odds;
  }
  return k;
}

uint64_t Normal(uint64_t n, double p, Random* random) {
  const double mean = static_cast<double>(n) * p;
  const double deviation = std::sqrt(mean * (1.0 - p));
  double total = 0.0;
  for (int i = 0; i < 12; ++i) total += random->Uniform53();
  const double drawn = std::floor(mean + deviation * (total - 6.0) + 0.5);
  if (drawn <= 0.0) return 0;
  return std::min(static_cast<uint64_t>(drawn), n);
}

}  // namespace

uint64_t Binomial(uint64_t n, double p, Random* random) {
  if (n == 0 || p <= 0.0) return 0;
  if (p >= 1.0) return n;
  // Mirrored at most once: 1 - p is below a half then.
  const bool mirrored = p > 0.5;
  if (mirrored) p = 1.0 - p;
  const uint64_t all = n;
  uint64_t total = 0;
  if (p <= 0.0) {
    // 1 - p was 0 already.
  } else if (static_cast<double>(n) * p > kExact) {
    total = Normal(n, p, random);
  } else {
    while (p < 0x1p-30 && n > uint64_t{1} << 30) {
      n >>= 1;
      p *= 2.0;
    }
    const double widest = kInverted / p;
    while (n > 0) {
      const uint64_t piece = static_cast<double>(n) <= widest ? n : static_cast<uint64_t>(widest);
      total += Inversion(piece, p, random);
      n -= piece;
    }
  }
  return mirrored ? all - total : total;
}

}  // namespace echo
