// Finding what can be applied, and drawing how often.
#include "psystem/choice.h"

#include <algorithm>

#include "psystem/binomial.h"
#include "psystem/vectors.h"

namespace echo::psystem {
namespace {

constexpr size_t kMostInstances = 1000000;
constexpr uint32_t kNone = UINT32_MAX;

// The terms of a membrane.
struct Range {
  const Term* begin;
  const Term* end;
};

Range TermsOf(const Configuration& configuration, uint32_t membrane) {
  const Membrane& found = configuration.membranes[membrane];
  const Term* terms = configuration.terms.data();
  return {terms + found.begin, terms + found.end};
}

bool BeforeObject(const Term& term, uint32_t object) { return term.object < object; }
bool BeforeTrigger(const Trigger& trigger, uint32_t object) { return trigger.object < object; }

// The rules whose trigger is among the terms, walking over the shorter of the two.
void Match(const std::vector<Trigger>& triggers, Range terms, std::vector<uint32_t>* rules) {
  if (triggers.size() < static_cast<size_t>(terms.end - terms.begin)) {
    const Term* at = terms.begin;
    for (const Trigger& trigger : triggers) {
      at = std::lower_bound(at, terms.end, trigger.object, BeforeObject);
      if (at == terms.end) return;
      if (at->object == trigger.object) rules->push_back(trigger.rule);
    }
    return;
  }
  auto at = triggers.begin();
  for (const Term* term = terms.begin; term != terms.end; ++term) {
    at = std::lower_bound(at, triggers.end(), term->object, BeforeTrigger);
    if (at == triggers.end()) return;
    for (; at != triggers.end() && at->object == term->object; ++at) rules->push_back(at->rule);
  }
}

}  // namespace

bool Choice::Find(const Program& program, const Configuration& configuration) {
  program_ = &program;
  configuration_ = &configuration;
  const size_t n_terms = configuration.terms.size();
  const size_t n_membranes = configuration.membranes.size();
  instances_.clear();
  into_.clear();
  needs_.clear();
  needs_begin_.clear();
  needs_end_.clear();
  Fill(&left_, n_terms + n_membranes, uint64_t{1});
  for (size_t i = 0; i < n_terms; ++i) left_[i] = configuration.terms[i].count;
  ListChildren();
  for (uint32_t membrane = 1; membrane < n_membranes; ++membrane) {
    Gather(membrane);
    able_.clear();
    for (const uint32_t rule : candidates_) Consider(membrane, rule);
    for (const Able& able : able_) {
      if (!RuledOut(able.rule) && !Expand(membrane, able)) return false;
    }
  }
  return true;
}

void Choice::ListChildren() {
  const std::vector<Membrane>& membranes = configuration_->membranes;
  // First each beginning stands one place behind, and moves up as the children are filled in.
  Fill(&children_begin_, membranes.size() + 2, 0U);
  for (size_t i = 1; i < membranes.size(); ++i) ++children_begin_[membranes[i].parent + 2];
  for (size_t i = 1; i < children_begin_.size(); ++i) children_begin_[i] += children_begin_[i - 1];
  Fill(&children_, membranes.size(), 0U);
  for (size_t i = 1; i < membranes.size(); ++i) {
    children_[children_begin_[membranes[i].parent + 1]++] = static_cast<uint32_t>(i);
  }
}

// The rules of a membrane whose trigger is there, ascending.
void Choice::Gather(uint32_t membrane) {
  const Membrane& here = configuration_->membranes[membrane];
  const Program::Found& found = program_->found(here.label, here.charge);
  candidates_.clear();
  Append(&candidates_, found.always.data(), found.always.data() + found.always.size());
  Match(found.inside, TermsOf(*configuration_, membrane), &candidates_);
  Match(found.outside, TermsOf(*configuration_, here.parent), &candidates_);
  Sort(&candidates_);
}

// Notes a rule that can be applied, with its needs.
void Choice::Consider(uint32_t membrane, uint32_t index) {
  const Rule& rule = program_->rule(index);
  const uint32_t begin = static_cast<uint32_t>(needs_.size());
  bool possible = AddNeeds(rule.take, membrane) &&
                  AddNeeds(rule.take_outside, configuration_->membranes[membrane].parent);
  for (size_t i = 0; possible && i < rule.inner.size(); ++i) {
    possible = Child(membrane, rule.inner[i].label, 0) != kNone;
  }
  if (!possible) {
    while (needs_.size() > begin) needs_.pop_back();
    return;
  }
  if (rule.exclusive) {
    const size_t own = configuration_->terms.size() + membrane;
    needs_.push_back({static_cast<uint32_t>(own), 1});
  }
  able_.push_back({index, begin, static_cast<uint32_t>(needs_.size())});
}

// False if the region has not enough for one application.
bool Choice::AddNeeds(const Multiset& objects, uint32_t region) {
  const Range terms = TermsOf(*configuration_, region);
  for (const Term& wanted : objects) {
    if (region == 0 && program_->endless(wanted.object)) continue;
    const Term* term = std::lower_bound(terms.begin, terms.end, wanted.object, BeforeObject);
    if (term == terms.end || term->object != wanted.object || term->count < wanted.count) {
      return false;
    }
    needs_.push_back({static_cast<uint32_t>(term - configuration_->terms.data()), wanted.count});
  }
  return true;
}

// The first child with a label, from the n-th child on; its place among the children.
uint32_t Choice::Child(uint32_t membrane, uint32_t label, uint32_t from) const {
  const uint32_t n = children_begin_[membrane + 1] - children_begin_[membrane];
  for (uint32_t i = from; i < n; ++i) {
    const uint32_t child = children_[children_begin_[membrane] + i];
    if (configuration_->membranes[child].label == label) return i;
  }
  return kNone;
}

// Whether a stronger rule can be applied on the same membrane.
bool Choice::RuledOut(uint32_t index) const {
  const std::vector<uint32_t>& stronger = program_->rule(index).stronger;
  return std::any_of(stronger.begin(), stronger.end(), [this](uint32_t rule) {
    return std::any_of(able_.begin(), able_.end(),
                       [rule](const Able& able) { return able.rule == rule; });
  });
}

// One instance for each choice of children; the last target changes fastest.
bool Choice::Expand(uint32_t membrane, const Able& able) {
  const Rule& rule = program_->rule(able.rule);
  const size_t n = rule.inner.size();
  Fill(&places_, n, 0U);
  for (size_t i = 0; i < n; ++i) places_[i] = Child(membrane, rule.inner[i].label, 0);
  while (true) {
    if (instances_.size() >= kMostInstances) return false;
    instances_.push_back({membrane, able.rule, static_cast<uint32_t>(into_.size()), 0});
    needs_begin_.push_back(able.needs_begin);
    needs_end_.push_back(able.needs_end);
    for (const uint32_t place : places_) {
      into_.push_back(children_[children_begin_[membrane] + place]);
    }
    size_t level = n;
    while (level > 0) {
      const uint32_t label = rule.inner[level - 1].label;
      const uint32_t next = Child(membrane, label, places_[level - 1] + 1);
      if (next != kNone) {
        places_[level - 1] = next;
        break;
      }
      places_[level - 1] = Child(membrane, label, 0);
      --level;
    }
    if (level == 0) return true;
  }
}

// Instances of one membrane and group of probabilities become one block.
void Choice::MakeBlocks() {
  blocks_.clear();
  Fill(&next_, instances_.size(), kNone);
  size_t of_membrane = 0;  // the first block of the present membrane
  for (uint32_t i = 0; i < instances_.size(); ++i) {
    if (i > 0 && instances_[i].membrane != instances_[i - 1].membrane) of_membrane = blocks_.size();
    const int32_t group = program_->rule(instances_[i].rule).group;
    size_t same = blocks_.size();
    if (group >= 0) {
      same = of_membrane;
      while (same < blocks_.size() &&
             program_->rule(instances_[blocks_[same].first].rule).group != group) {
        ++same;
      }
    }
    if (same < blocks_.size()) {
      next_[blocks_[same].last] = i;
      blocks_[same].last = i;
    } else {
      blocks_.push_back({i, i});
    }
  }
}

uint64_t Choice::Most(uint32_t instance) const {
  uint64_t most = kMaxCount;
  for (uint32_t i = needs_begin_[instance]; i < needs_end_[instance]; ++i) {
    const Need& need = needs_[i];
    const uint64_t here = left_[need.resource];
    most = std::min(most, need.count == 1 ? here : here / need.count);
  }
  return most;
}

// Whether more blocks than that want a resource of an instance.
bool Choice::Wanted(uint32_t instance, uint32_t more_than) const {
  for (uint32_t i = needs_begin_[instance]; i < needs_end_[instance]; ++i) {
    if (wanted_[needs_[i].resource] > more_than) return true;
  }
  return false;
}

void Choice::Apply(const Block& block, uint64_t times, Random* random) {
  for (uint32_t i = needs_begin_[block.first]; i < needs_end_[block.first]; ++i) {
    left_[needs_[i].resource] -= times * needs_[i].count;
  }
  if (block.first == block.last) {
    instances_[block.first].times += times;
    return;
  }
  weights_.clear();
  double total = 0.0;
  for (uint32_t i = block.first; i != kNone; i = next_[i]) {
    double same = 0.0;
    for (uint32_t j = block.first; j != kNone; j = next_[j]) {
      if (instances_[j].rule == instances_[i].rule) same += 1.0;
    }
    weights_.push_back(program_->rule(instances_[i].rule).probability / same);
    total += weights_.back();
  }
  size_t at = 0;
  uint32_t i = block.first;
  for (; i != block.last; i = next_[i], ++at) {
    const uint64_t share = Binomial(times, weights_[at] / total, random);
    total -= weights_[at];
    times -= share;
    instances_[i].times += share;
  }
  instances_[i].times += times;
}

void Choice::Draw(Random* random) {
  MakeBlocks();
  Fill(&wanted_, left_.size(), 0U);
  const auto want = [this](const Block& block, uint32_t change) {
    for (uint32_t i = needs_begin_[block.first]; i < needs_end_[block.first]; ++i) {
      wanted_[needs_[i].resource] += change;
    }
  };
  for (const Block& block : blocks_) want(block, 1);
  rivals_.clear();
  for (const Block& block : blocks_) {
    if (Wanted(block.first, 1)) {
      rivals_.push_back(block);
    } else {
      Apply(block, Most(block.first), random);
    }
  }
  for (size_t last = rivals_.size(); last-- > 1;) {
    std::swap(rivals_[last], rivals_[random->Below(last + 1)]);
  }
  for (const Block& block : rivals_) {
    want(block, UINT32_MAX);  // one less
    const uint64_t most = Most(block.first);
    if (most == 0) continue;
    Apply(block, Wanted(block.first, 0) ? random->Below(most + 1) : most, random);
  }
  for (const Block& block : rivals_) {
    if (const uint64_t most = Most(block.first); most > 0) Apply(block, most, random);
  }
}

}  // namespace echo::psystem
