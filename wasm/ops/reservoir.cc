// Compiles the steps of reservoirs for every SIMD target and picks one at run time.
#include "ops/reservoir.h"

// Arrays of vectors need vectors of a known size.
#ifndef HWY_DISABLED_TARGETS
#define HWY_DISABLED_TARGETS (HWY_ALL_SVE | HWY_RVV | HWY_SSSE3)
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/reservoir.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// Must come after foreach_target.h.
#include "hwy/highway.h"
#include "ops/reservoir-inl.h"

#if HWY_ONCE
namespace echo::ops {

HWY_EXPORT(LanesOfFloat);
HWY_EXPORT(LanesOfDouble);
HWY_EXPORT(StepFloat);
HWY_EXPORT(StepDouble);
HWY_EXPORT(DriveFloat);
HWY_EXPORT(DriveDouble);

size_t ReservoirLanes(float) { return HWY_DYNAMIC_DISPATCH(LanesOfFloat)(); }
size_t ReservoirLanes(double) { return HWY_DYNAMIC_DISPATCH(LanesOfDouble)(); }

bool StepReservoir(const ReservoirSteps<float>& steps, const float* x, float* drive, float* next) {
  return HWY_DYNAMIC_DISPATCH(StepFloat)(steps, x, drive, next);
}

bool StepReservoir(const ReservoirSteps<double>& steps, const double* x, double* drive,
                   double* next) {
  return HWY_DYNAMIC_DISPATCH(StepDouble)(steps, x, drive, next);
}

void DriveReservoir(const ReservoirSteps<float>& steps, const float* u, size_t n_steps,
                    float* drive) {
  HWY_DYNAMIC_DISPATCH(DriveFloat)(steps, u, n_steps, drive);
}

void DriveReservoir(const ReservoirSteps<double>& steps, const double* u, size_t n_steps,
                    double* drive) {
  HWY_DYNAMIC_DISPATCH(DriveDouble)(steps, u, n_steps, drive);
}

}  // namespace echo::ops
#endif  // HWY_ONCE
