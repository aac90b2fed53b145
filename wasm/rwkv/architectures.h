// The architectures, one a file. Each answers nullptr if there is no memory.
#ifndef DEEP_TREE_ECHO_RWKV_ARCHITECTURES_H_
#define DEEP_TREE_ECHO_RWKV_ARCHITECTURES_H_

#include <memory>

#include "rwkv/network.h"

namespace echo {

std::unique_ptr<Network> NewV4();           // RWKV 4.0
std::unique_ptr<Network> NewV5(bool gate);  // RWKV 5.2 with gate, 5.1 without
std::unique_ptr<Network> NewV6();           // RWKV 6.0
std::unique_ptr<Network> NewV7();           // RWKV 7.0

}  // namespace echo
#endif  // DEEP_TREE_ECHO_RWKV_ARCHITECTURES_H_
