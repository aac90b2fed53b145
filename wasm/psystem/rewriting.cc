// Taking, giving, creating; then, from the inside out, charges, dissolution and division.
#include "psystem/rewriting.h"

#include <algorithm>
#include <tuple>

#include "psystem/vectors.h"

namespace echo::psystem {
namespace {

constexpr uint32_t kNone = UINT32_MAX;
// Terms in all membranes together; what a page can hold.
constexpr size_t kMostTerms = 4000000;
// While a step is made, those that are replaced still lie about.
constexpr size_t kMostArena = 4 * kMostTerms;

}  // namespace

bool Rewriter::Rewrite(const Program& program, const Configuration& before, const Choice& choice,
                       Configuration* after) {
  program_ = &program;
  choice_ = &choice;
  nodes_.clear();
  arena_.clear();
  gifts_.clear();
  next_id_ = before.next_id;
  n_alive_ = before.membranes.size() - 1;
  Fill(&rule_of_, before.membranes.size(), kNone);
  for (const Membrane& old : before.membranes) {
    const uint32_t begin = static_cast<uint32_t>(arena_.size());
    for (uint32_t i = old.begin; i < old.end; ++i) {
      if (choice.left(i) > 0) arena_.push_back({before.terms[i].object, choice.left(i)});
    }
    const uint32_t end = static_cast<uint32_t>(arena_.size());
    nodes_.push_back({old.id, old.parent, old.label, old.charge, begin, end, 0, true});
  }
  for (size_t i = 1; i < nodes_.size(); ++i) ++nodes_[nodes_[i].parent].n_children;
  if (!GiveAll() || !Deliver() || !Create() || !Reshape()) return false;
  after->step = before.step + 1;
  after->next_id = next_id_;
  return Finish(after);
}

bool Rewriter::Give(uint32_t region, const Multiset& objects, uint64_t times) {
  for (const Term& term : objects) {
    if (region == 0 && program_->endless(term.object)) continue;
    if (times > program_->most_objects() / term.count) return false;
    gifts_.push_back({region, term.object, times * term.count});
  }
  return gifts_.size() <= kMostArena;
}

bool Rewriter::GiveAll() {
  for (const Instance& instance : choice_->instances()) {
    if (instance.times == 0) continue;
    const Rule& rule = program_->rule(instance.rule);
    const uint32_t here = instance.membrane;
    if (rule.effect != Effect::kDivide && !Give(here, rule.give, instance.times)) return false;
    if (!Give(nodes_[here].parent, rule.give_outside, instance.times)) return false;
    for (size_t i = 0; i < rule.inner.size(); ++i) {
      const uint32_t child = choice_->into(instance)[i];
      if (!Give(child, rule.inner[i].objects, instance.times)) return false;
    }
    if (rule.effect != Effect::kKeep || rule.new_charge != rule.charge) {
      rule_of_[here] = instance.rule;
    }
  }
  return true;
}

// Puts the gifts where they belong, all of a region at once.
bool Rewriter::Deliver() {
  std::sort(gifts_.begin(), gifts_.end(), [](const Gift& a, const Gift& b) {
    return std::tie(a.region, a.object) < std::tie(b.region, b.object);
  });
  Multiset& terms = moved_;
  for (size_t i = 0; i < gifts_.size();) {
    const uint32_t region = gifts_[i].region;
    terms.clear();
    for (; i < gifts_.size() && gifts_[i].region == region; ++i) {
      if (!terms.empty() && terms.back().object == gifts_[i].object) {
        terms.back().count += gifts_[i].count;
        if (terms.back().count > program_->most_objects()) return false;
      } else {
        terms.push_back({gifts_[i].object, gifts_[i].count});
      }
    }
    if (!Merge(region, terms.data(), terms.size())) return false;
  }
  return true;
}

bool Rewriter::Create() {
  for (const Instance& instance : choice_->instances()) {
    if (instance.times == 0) continue;
    for (const Rule::Created& created : program_->rule(instance.rule).created) {
      for (uint64_t n = 0; n < instance.times; ++n) {
        uint32_t made = 0;
        if (!Room(instance.membrane, created.label, created.charge, &made)) return false;
        if (!Merge(made, created.objects.data(), created.objects.size())) return false;
      }
    }
  }
  return true;
}

// Those inside stand behind those around them.
bool Rewriter::Reshape() {
  for (uint32_t here = static_cast<uint32_t>(rule_of_.size()); here-- > 1;) {
    if (rule_of_[here] == kNone) continue;
    const Rule& rule = program_->rule(rule_of_[here]);
    if (rule.effect == Effect::kDissolve) {
      Node& node = nodes_[here];
      node.alive = false;
      --n_alive_;
      nodes_[node.parent].n_children += node.n_children - 1;
      moved_.clear();
      Append(&moved_, arena_.data() + node.begin, arena_.data() + node.end);
      if (!Merge(node.parent, moved_.data(), moved_.size())) return false;
      continue;
    }
    if (rule.effect == Effect::kDivide && !Divide(here, rule)) return false;
    nodes_[here].charge = rule.new_charge;
  }
  return true;
}

bool Rewriter::Divide(uint32_t here, const Rule& rule) {
  uint32_t second = 0;
  const size_t n_before = nodes_.size();
  if (!Room(nodes_[here].parent, nodes_[here].label, rule.second_charge, &second)) return false;
  Copy(here, second);
  if (nodes_[here].n_children > 0) {
    Fill(&copies_, n_before, kNone);
    copies_[here] = second;
    for (uint32_t i = here + 1; i < n_before; ++i) {
      if (!nodes_[i].alive || copies_[Around(i)] == kNone) continue;
      const uint32_t parent = copies_[nodes_[i].parent];
      if (!Room(parent, nodes_[i].label, nodes_[i].charge, &copies_[i])) return false;
      Copy(i, copies_[i]);
    }
  }
  return Merge(here, rule.give.data(), rule.give.size()) &&
         Merge(second, rule.second.data(), rule.second.size());
}

bool Rewriter::Room(uint32_t parent, uint32_t label, int32_t charge, uint32_t* made) {
  if (n_alive_ >= program_->most_membranes()) return false;
  ++n_alive_;
  *made = static_cast<uint32_t>(nodes_.size());
  nodes_.push_back({next_id_++, parent, label, charge, 0, 0, 0, true});
  ++nodes_[parent].n_children;
  return true;
}

// Adds terms, which lie outside the arena, to those of a node.
bool Rewriter::Merge(uint32_t index, const Term* more, size_t n) {
  if (n == 0) return true;
  Node& node = nodes_[index];
  const uint32_t begin = static_cast<uint32_t>(arena_.size());
  if (begin + (node.end - node.begin) + n > kMostArena) return false;
  uint32_t own = node.begin;
  for (size_t i = 0; i < n || own < node.end;) {
    if (own == node.end || (i < n && more[i].object < arena_[own].object)) {
      arena_.push_back(more[i++]);
    } else if (i == n || arena_[own].object < more[i].object) {
      arena_.push_back(arena_[own++]);
    } else {
      arena_.push_back({more[i].object, arena_[own++].count + more[i].count});
      ++i;
    }
    if (arena_.back().count > program_->most_objects()) return false;
  }
  node.begin = begin;
  node.end = static_cast<uint32_t>(arena_.size());
  return true;
}

// Gives a node the terms of another. The arena grows only at its end, so both may show the same.
void Rewriter::Copy(uint32_t from, uint32_t to) {
  nodes_[to].begin = nodes_[from].begin;
  nodes_[to].end = nodes_[from].end;
}

// The nearest membrane around one that has not dissolved.
uint32_t Rewriter::Around(uint32_t index) {
  uint32_t parent = nodes_[index].parent;
  while (!nodes_[parent].alive) parent = nodes_[parent].parent;
  nodes_[index].parent = parent;
  return parent;
}

bool Rewriter::Finish(Configuration* after) {
  uint64_t total = 0;
  after->membranes.clear();
  after->terms.clear();
  Fill(&copies_, nodes_.size(), 0U);  // where each stands from now on
  for (uint32_t i = 0; i < nodes_.size(); ++i) {
    if (!nodes_[i].alive) continue;
    const Node& node = nodes_[i];
    const uint32_t parent = i == 0 ? 0 : copies_[Around(i)];
    copies_[i] = static_cast<uint32_t>(after->membranes.size());
    const uint32_t begin = static_cast<uint32_t>(after->terms.size());
    for (uint32_t at = node.begin; at < node.end; ++at) {
      total += arena_[at].count;
      if (total > program_->most_objects()) return false;
    }
    if (begin + (node.end - node.begin) > kMostTerms) return false;
    Append(&after->terms, arena_.data() + node.begin, arena_.data() + node.end);
    const uint32_t end = static_cast<uint32_t>(after->terms.size());
    after->membranes.push_back({node.id, parent, node.label, node.charge, begin, end});
  }
  return true;
}

}  // namespace echo::psystem
