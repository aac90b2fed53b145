// A reservoir's steps: x = (1 - a) x + a f(W x + drive), many in one call.
//
// T is float or double. Arrays are padded to whole vectors with zeros.
#ifndef DEEP_TREE_ECHO_OPS_RESERVOIR_H_
#define DEEP_TREE_ECHO_OPS_RESERVOIR_H_

#include <cstddef>
#include <cstdint>

namespace echo::ops {

enum class Activation : int32_t { kTanh, kRelu, kSigmoid, kIdentity, kSoftplus };

// Weights in bands, for machines that look up numbers in registers.
//
// Units are sorted so that rows of about one length stand together. A block is
// kBandVectors vectors of rows. An operation holds two vectors of the state, those
// from `start` on, and takes for each row of its block at most one weight whose
// column lies there. Single weights that would hold up all others are apart.
constexpr size_t kBandVectors = 8;

template <class T>
struct Single {
  T value;
  uint16_t row;
  uint16_t column;
};

template <class T>
struct Bands {
  const uint16_t* starts;    // (operations)
  const uint32_t* ends;      // (blocks) the operation after the last of each
  const uint8_t* records;    // (operations) of: places (rows of a block) uint8, values likewise, T
  const Single<T>* singles;  // (n_singles)
  size_t n_blocks;
  size_t n_singles;
};

// Weights row by row, each row filled up to whole vectors.
template <class T>
struct Rows {
  const uint32_t* starts;   // (size + 1)
  const uint16_t* columns;  // (starts[size]); nullptr: every row has all columns
  const T* values;          // (starts[size])
};

template <class T>
struct ReservoirSteps {
  size_t size;
  size_t padded;          // a multiple of kBandVectors vectors
  size_t n_driving;       // inputs and feedback
  const T* driving;       // (padded / lanes, n_driving, lanes) their weights
  const T* bias;          // (padded)
  const T* leak;          // (padded) a
  const T* keep;          // (padded) 1 - a
  const Bands<T>* bands;  // one of the two is not nullptr
  const Rows<T>* rows;
  Activation activation;
};

// Lanes of a vector of T on this machine.
size_t ReservoirLanes(float);
size_t ReservoirLanes(double);

// Steps that are driven at once.
constexpr size_t kDrivenSteps = 8;

// drive = bias + weights u for up to kDrivenSteps steps: u (n_steps, n_driving),
// drive (n_steps, padded).
void DriveReservoir(const ReservoirSteps<float>& steps, const float* u, size_t n_steps,
                    float* drive);
void DriveReservoir(const ReservoirSteps<double>& steps, const double* u, size_t n_steps,
                    double* drive);

// One step: x (padded and two vectors more), drive (padded), which is spent, next
// like x. False if a number of the new state is not finite.
bool StepReservoir(const ReservoirSteps<float>& steps, const float* x, float* drive, float* next);
bool StepReservoir(const ReservoirSteps<double>& steps, const double* x, double* drive,
                   double* next);

}  // namespace echo::ops
#endif  // DEEP_TREE_ECHO_OPS_RESERVOIR_H_
