#include "esn/normal.h"

#include <cmath>
#include <cstddef>

namespace echo::esn {
namespace {

// Coefficients of a quotient of two polynomials, the highest power first.
struct Quotient {
  double above[8];
  double below[8];

  double At(double x) const {
    double top = above[0];
    double bottom = below[0];
    for (size_t i = 1; i < 8; ++i) {
      top = top * x + above[i];
      bottom = bottom * x + below[i];
    }
    return top / bottom;
  }
};

constexpr Quotient kCentral = {
    {2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.3871328727963666080},
    {5226.4952788528545610, 28729.085735721942674, 39307.895800092710610, 21213.794301586595867,
     5394.1960214247511077, 687.18700749205790830, 42.313330701600911252, 1.0}};
constexpr Quotient kMiddle = {
    {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1,
     1.27045825245236838258, 3.64784832476320460504, 5.76949722146069140550, 4.63033784615654529590,
     1.42343711074968357734},
    {1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
     1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940,
     2.05319162663775882187, 1.0}};
constexpr Quotient kTail = {
    {2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3,
     2.65321895265761230930e-2, 2.96560571828504891230e-1, 1.78482653991729133580,
     5.46378491116411436990, 6.65790464350110377720},
    {2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5,
     7.86869131145613259100e-4, 1.48753612908506148525e-2, 1.36929880922735805310e-1,
     5.99832206555887937690e-1, 1.0}};

// ln x of positive x: the C library's would not be the same everywhere.
double Logarithm(double x) {
  int exponent = 0;
  double fraction = std::frexp(x, &exponent);
  if (fraction < 0.7071067811865476) {
    fraction *= 2.0;
    --exponent;
  }
  const double s = (fraction - 1.0) / (fraction + 1.0);
  const double square = s * s;
  double series = 2.0 / 21.0;
  for (int k = 19; k > 2; k -= 2) series = series * square + 2.0 / k;
  return exponent * 0.6931471803691238 +
         (2.0 * s + (s * square * series + exponent * 1.9082149292705877e-10));
}

}  // namespace

double NormalQuantile(double p) {
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.425) return q * kCentral.At(0.180625 - q * q);
  const double far = std::sqrt(-Logarithm(p < 0.5 ? p : 1.0 - p));
  const double found = far <= 5.0 ? kMiddle.At(far - 1.6) : kTail.At(far - 5.0);
  return q < 0.0 ? -found : found;
}

}  // namespace echo::esn
