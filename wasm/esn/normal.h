// Normal variates from uniform ones, the same on every machine and in Python.
#ifndef DEEP_TREE_ECHO_ESN_NORMAL_H_
#define DEEP_TREE_ECHO_ESN_NORMAL_H_

namespace echo::esn {

// The number below which a normal variate lies with the probability p in (0, 1):
// Wichura, The percentage points of the normal distribution (Applied Statistics 37,
// 1988, AS 241). Only operations that IEEE 754 rounds in one way.
double NormalQuantile(double p);

}  // namespace echo::esn
#endif  // DEEP_TREE_ECHO_ESN_NORMAL_H_
