// A reservoir: weights that stay, and steps over whole sequences.
#ifndef DEEP_TREE_ECHO_ESN_RESERVOIR_H_
#define DEEP_TREE_ECHO_ESN_RESERVOIR_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "esn/weights.h"
#include "include/echo.h"

namespace echo::esn {

// What the caller keeps between runs, and where the states go.
struct Sequence {
  const void* inputs;    // (n_steps, n_inputs)
  const void* feedback;  // (n_steps, n_feedback)
  size_t n_steps;
  void* state;       // (size) before, and afterwards
  uint64_t* random;  // the noise's generator, before and afterwards
  void* states;      // (n_steps, size); may be nullptr
};

class Reservoir {
 public:
  virtual ~Reservoir() = default;
  virtual echo_status Run(const Sequence& sequence) = 0;

  static echo_status Create(const echo_reservoir_settings& settings,
                            const echo_reservoir_weights& weights,
                            std::unique_ptr<Reservoir>* made);
};

}  // namespace echo::esn
#endif  // DEEP_TREE_ECHO_ESN_RESERVOIR_H_
