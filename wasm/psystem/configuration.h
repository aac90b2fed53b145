// Membranes and what they hold, in two flat arrays.
#ifndef DEEP_TREE_ECHO_PSYSTEM_CONFIGURATION_H_
#define DEEP_TREE_ECHO_PSYSTEM_CONFIGURATION_H_

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "include/echo.h"
#include "psystem/program.h"

namespace echo::psystem {

struct Membrane {
  int64_t id;
  uint32_t parent;  // index of the membrane around it; 0 for the environment itself
  uint32_t label;   // nothing for the environment
  int32_t charge;
  uint32_t begin;  // its terms
  uint32_t end;
};

struct Configuration {
  uint64_t step = 0;
  int64_t next_id = 1;
  std::vector<Membrane> membranes;  // by id; the first is the environment
  Multiset terms;                   // each membrane's by object

  void Swap(Configuration* other) {
    std::swap(step, other->step);
    std::swap(next_id, other->next_id);
    membranes.swap(other->membranes);
    terms.swap(other->terms);
  }

  // From the words of echo_psystem_set; `random` receives the generator's state.
  // ECHO_ERROR_ARGUMENT if they do not describe a tree.
  echo_status Read(const int64_t* words, size_t n, const Program& program, uint64_t* random);

  // The same words; at most `capacity` of them are written.
  size_t Write(uint64_t random, int64_t* words, size_t capacity) const;
};

}  // namespace echo::psystem
#endif  // DEEP_TREE_ECHO_PSYSTEM_CONFIGURATION_H_
