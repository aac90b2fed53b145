// Binomial draws with the roundings of pcg32.py: how they are made is said there.
#ifndef DEEP_TREE_ECHO_PSYSTEM_BINOMIAL_H_
#define DEEP_TREE_ECHO_PSYSTEM_BINOMIAL_H_

#include <cstdint>

#include "text/random.h"

namespace echo {

// How many of n trials (n <= 2^62) of probability p succeed.
uint64_t Binomial(uint64_t n, double p, Random* random);

}  // namespace echo
#endif  // DEEP_TREE_ECHO_PSYSTEM_BINOMIAL_H_
