// A vocabulary as a tree of bytes, breadth first: the children of a node are neighbours.
#ifndef DEEP_TREE_ECHO_TEXT_PREFIX_TREE_H_
#define DEEP_TREE_ECHO_TEXT_PREFIX_TREE_H_

#include <cstddef>
#include <cstdint>

namespace echo {

// A view; node 0 is the root.
struct PrefixTree {
  static constexpr uint32_t kNone = UINT32_MAX;

  const uint8_t* byte;    // (n_nodes) on the way to the node
  const uint32_t* token;  // (n_nodes), kNone where no token ends
  const uint32_t* first;  // (n_nodes + 1): children are first[i] ... first[i + 1]
  size_t n_nodes;
  size_t n_tokens;  // one more than the greatest id
};

}  // namespace echo
#endif  // DEEP_TREE_ECHO_TEXT_PREFIX_TREE_H_
