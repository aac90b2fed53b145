// Reading rules, and finding the few that can matter to a membrane.
#include "psystem/program.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "status.h"

namespace echo::psystem {
namespace {

constexpr int64_t kMostObjects = 1 << 24;
constexpr int64_t kMostLabels = 1 << 16;
constexpr int64_t kMostMembranes = 1000000;

double AsDouble(int64_t bits) {
  double value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

Rule ReadRule(Words* words, uint32_t n_objects, int64_t n_labels, int64_t n_rules) {
  Rule rule;
  rule.label = static_cast<uint32_t>(words->Take(0, n_labels - 1));
  rule.charge = static_cast<int32_t>(words->Take(-1, 1));
  rule.new_charge = static_cast<int32_t>(words->Take(-1, 1));
  rule.second_charge = static_cast<int32_t>(words->Take(-1, 1));
  rule.effect = static_cast<Effect>(words->Take(0, 2));
  rule.exclusive = words->Take(0, 1) != 0;
  rule.group = static_cast<int32_t>(words->Take(-1, n_rules - 1));
  rule.probability = AsDouble(words->Take(INT64_MIN, INT64_MAX));
  rule.take = words->Objects(n_objects);
  rule.take_outside = words->Objects(n_objects);
  rule.give = words->Objects(n_objects);
  rule.give_outside = words->Objects(n_objects);
  rule.second = words->Objects(n_objects);
  const size_t n_inner = words->Length(2);
  for (size_t i = 0; i < n_inner; ++i) {
    const uint32_t label = static_cast<uint32_t>(words->Take(0, n_labels - 1));
    rule.inner.push_back({label, words->Objects(n_objects)});
  }
  const size_t n_created = words->Length(3);
  for (size_t i = 0; i < n_created; ++i) {
    const uint32_t label = static_cast<uint32_t>(words->Take(0, n_labels - 1));
    const int32_t charge = static_cast<int32_t>(words->Take(-1, 1));
    rule.created.push_back({label, charge, words->Objects(n_objects)});
  }
  const size_t n_stronger = words->Length(1);
  for (size_t i = 0; i < n_stronger; ++i) {
    rule.stronger.push_back(static_cast<uint32_t>(words->Take(0, n_rules - 1)));
  }
  std::sort(rule.stronger.begin(), rule.stronger.end());
  return rule;
}

}  // namespace

Multiset Words::Objects(uint32_t n_objects) {
  const size_t n = Length(2);
  Multiset objects;
  objects.reserve(n);
  int64_t least = 0;
  for (size_t i = 0; i < n; ++i) {
    const int64_t object = Take(least, static_cast<int64_t>(n_objects) - 1);
    const int64_t count = Take(1, static_cast<int64_t>(kMaxCount));
    objects.push_back({static_cast<uint32_t>(object), static_cast<uint64_t>(count)});
    least = object + 1;
  }
  return objects;
}

echo_status Program::Read(const int64_t* input, size_t n) {
  Words words(input, n);
  n_objects_ = static_cast<uint32_t>(words.Take(0, kMostObjects));
  n_labels_ = static_cast<uint32_t>(words.Take(1, kMostLabels));
  most_objects_ = static_cast<uint64_t>(words.Take(1, static_cast<int64_t>(kMaxCount)));
  most_membranes_ = static_cast<uint64_t>(words.Take(1, kMostMembranes));
  endless_.assign(n_objects_, false);
  const size_t n_endless = words.Length(1);
  for (size_t i = 0; i < n_endless && n_objects_ > 0; ++i) {
    endless_[static_cast<size_t>(words.Take(0, static_cast<int64_t>(n_objects_) - 1))] = true;
  }
  const size_t n_rules = words.Length(1);
  for (size_t i = 0; i < n_rules && !words.bad(); ++i) {
    rules_.push_back(ReadRule(&words, n_objects_, n_labels_, static_cast<int64_t>(n_rules)));
    const Rule& rule = rules_.back();
    if (!words.bad() && rule.take.empty() && rule.take_outside.empty()) {
      return Fail(ECHO_ERROR_ARGUMENT, "Rule %zu takes no object; it would be applied without end.",
                  i);
    }
    if (!words.bad() && rule.group >= 0 && !(rule.probability > 0.0 && rule.probability <= 1.0)) {
      return Fail(ECHO_ERROR_ARGUMENT, "The probability of rule %zu is outside (0, 1].", i);
    }
  }
  if (words.bad() || !words.done()) {
    return Fail(ECHO_ERROR_ARGUMENT, "Word %zu of the program is missing or outside its range.",
                words.at());
  }
  Index();
  return ECHO_OK;
}

void Program::Index() {
  found_.resize(size_t{n_labels_} * 3);
  for (uint32_t index = 0; index < rules_.size(); ++index) {
    const Rule& rule = rules_[index];
    Found& found = found_[rule.label * 3 + static_cast<uint32_t>(rule.charge + 1)];
    const auto counted = std::find_if(rule.take_outside.begin(), rule.take_outside.end(),
                                      [this](const Term& term) { return !endless_[term.object]; });
    if (!rule.take.empty()) {
      found.inside.push_back({rule.take[0].object, index});
    } else if (counted != rule.take_outside.end()) {
      found.outside.push_back({counted->object, index});
    } else {
      found.always.push_back(index);
    }
  }
  const auto before = [](const Trigger& a, const Trigger& b) {
    return std::tie(a.object, a.rule) < std::tie(b.object, b.rule);
  };
  for (Found& found : found_) {
    std::sort(found.inside.begin(), found.inside.end(), before);
    std::sort(found.outside.begin(), found.outside.end(), before);
  }
}

}  // namespace echo::psystem
