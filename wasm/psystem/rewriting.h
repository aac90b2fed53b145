// What a step does once its applications are chosen; described in dtesn/rewriting.py.
#ifndef DEEP_TREE_ECHO_PSYSTEM_REWRITING_H_
#define DEEP_TREE_ECHO_PSYSTEM_REWRITING_H_

#include <cstdint>
#include <vector>

#include "psystem/choice.h"
#include "psystem/configuration.h"
#include "psystem/program.h"

namespace echo::psystem {

class Rewriter {
 public:
  // Makes `after` from `before`. False if there would be more objects or membranes than the
  // program allows; `after` is then of no use.
  bool Rewrite(const Program& program, const Configuration& before, const Choice& choice,
               Configuration* after);

 private:
  // A membrane on its way; its terms lie in arena_.
  struct Node {
    int64_t id;
    uint32_t parent;
    uint32_t label;
    int32_t charge;
    uint32_t begin;
    uint32_t end;
    uint32_t n_children;
    bool alive;
  };
  // Objects that a region receives.
  struct Gift {
    uint32_t region;
    uint32_t object;
    uint64_t count;
  };

  bool Give(uint32_t region, const Multiset& objects, uint64_t times);
  bool GiveAll();
  bool Deliver();
  bool Create();
  bool Reshape();
  bool Divide(uint32_t node, const Rule& rule);
  bool Room(uint32_t parent, uint32_t label, int32_t charge, uint32_t* made);
  bool Merge(uint32_t node, const Term* more, size_t n);
  void Copy(uint32_t from, uint32_t to);
  uint32_t Around(uint32_t node);
  bool Finish(Configuration* after);

  const Program* program_ = nullptr;
  const Choice* choice_ = nullptr;
  std::vector<Node> nodes_;
  Multiset arena_;
  Multiset moved_;  // terms on their way from one part of the arena to another
  std::vector<Gift> gifts_;
  std::vector<uint32_t> rule_of_;  // (membranes) the rule that reshapes each
  std::vector<uint32_t> copies_;   // (nodes) while one divides
  int64_t next_id_ = 1;
  uint64_t n_alive_ = 0;
};

}  // namespace echo::psystem
#endif  // DEEP_TREE_ECHO_PSYSTEM_REWRITING_H_
