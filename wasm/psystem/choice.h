// Choosing the applications of a step: a maximal multiset, at random.
//
// The readable description, which this follows draw for draw, is dtesn/parallel.py.
#ifndef DEEP_TREE_ECHO_PSYSTEM_CHOICE_H_
#define DEEP_TREE_ECHO_PSYSTEM_CHOICE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "psystem/configuration.h"
#include "psystem/program.h"
#include "text/random.h"

namespace echo::psystem {

// A rule on a membrane, with a child membrane for each of its inner targets.
struct Instance {
  uint32_t membrane;  // index
  uint32_t rule;
  uint32_t into;  // where its children stand in Choice::into(), as indices of membranes
  uint64_t times;
};

class Choice {
 public:
  // Finds what can be applied. False if there are more than a million ways.
  bool Find(const Program& program, const Configuration& configuration);

  // Whether nothing can be.
  bool empty() const { return instances_.empty(); }

  // After Find: how often each is applied; what is left of each term of the configuration.
  void Draw(Random* random);

  // By membrane, then rule, then children; after Draw some may have 0 times.
  const std::vector<Instance>& instances() const { return instances_; }
  const uint32_t* into(const Instance& instance) const { return into_.data() + instance.into; }
  uint64_t left(uint32_t term) const { return left_[term]; }

 private:
  // What one application takes of a resource: a term, or behind the terms a membrane.
  struct Need {
    uint32_t resource;
    uint64_t count;
  };
  // Instances that take part as one.
  struct Block {
    uint32_t first;
    uint32_t last;
  };

  // Of one membrane: a rule that can be applied, and where its needs stand.
  struct Able {
    uint32_t rule;
    uint32_t needs_begin;
    uint32_t needs_end;
  };

  void ListChildren();
  void Gather(uint32_t membrane);
  void Consider(uint32_t membrane, uint32_t index);
  bool AddNeeds(const Multiset& objects, uint32_t region);
  uint32_t Child(uint32_t membrane, uint32_t label, uint32_t from) const;
  bool RuledOut(uint32_t index) const;
  bool Expand(uint32_t membrane, const Able& able);
  void MakeBlocks();
  uint64_t Most(uint32_t instance) const;
  bool Wanted(uint32_t instance, uint32_t more_than) const;
  void Apply(const Block& block, uint64_t times, Random* random);

  const Program* program_ = nullptr;
  const Configuration* configuration_ = nullptr;
  std::vector<Instance> instances_;
  std::vector<uint32_t> into_;
  std::vector<uint64_t> left_;    // (terms, then membranes)
  std::vector<uint32_t> wanted_;  // (terms, then membranes) blocks that want each
  std::vector<Need> needs_;
  std::vector<uint32_t> needs_begin_;  // (instances) and
  std::vector<uint32_t> needs_end_;    // (instances): where the needs of each stand
  std::vector<uint32_t> next_;         // (instances) the next of the same block
  std::vector<Block> blocks_;
  std::vector<Block> rivals_;             // those that compete, in the order of their turns
  std::vector<uint32_t> children_begin_;  // (membranes + 2)
  std::vector<uint32_t> children_;        // by parent
  std::vector<uint32_t> candidates_;      // rules to look at
  std::vector<Able> able_;
  std::vector<uint32_t> places_;  // of the children chosen, one a target
  std::vector<double> weights_;
};

}  // namespace echo::psystem
#endif  // DEEP_TREE_ECHO_PSYSTEM_CHOICE_H_
