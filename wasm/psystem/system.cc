// Steps, one after the other.
#include "psystem/system.h"

#include <algorithm>
#include <new>
#include <utility>

#include "status.h"

namespace echo::psystem {

echo_status System::Create(const int64_t* program, size_t n, std::unique_ptr<System>* made) {
  std::unique_ptr<System> system(new (std::nothrow) System);
  if (system == nullptr) return Fail(ECHO_ERROR_MEMORY, "There is no memory left.");
  const echo_status status = system->program_.Read(program, n);
  if (status == ECHO_OK) *made = std::move(system);
  return status;
}

echo_status System::Set(const int64_t* configuration, size_t n) {
  uint64_t random = 0;
  const echo_status status = now_.Read(configuration, n, program_, &random);
  if (status != ECHO_OK) return status;
  random_.set_state(random);
  applied_.clear();
  return ECHO_OK;
}

echo_status System::Run(size_t steps, echo_psystem_report* report) {
  if (now_.membranes.empty()) {
    return Fail(ECHO_ERROR_ARGUMENT, "There is no configuration yet; set one first.");
  }
  const uint64_t start = now_.step;
  int32_t ending = ECHO_PSYSTEM_GOES_ON;
  applied_.clear();
  for (size_t done = 0; ending == ECHO_PSYSTEM_GOES_ON; ++done) {
    if (!choice_.Find(program_, now_)) {
      ending = ECHO_PSYSTEM_LIMIT;
    } else if (choice_.empty()) {
      ending = ECHO_PSYSTEM_HALTED;
    } else if (done == steps) {
      break;
    } else {
      const uint64_t before = random_.state();
      choice_.Draw(&random_);
      if (rewriter_.Rewrite(program_, now_, choice_, &next_)) {
        Note();
        now_.Swap(&next_);
        // A single step does not look whether another could follow.
        if (steps == 1) break;
      } else {
        random_.set_state(before);
        ending = ECHO_PSYSTEM_LIMIT;
      }
    }
  }
  report->steps = now_.step - start;
  report->random = random_.state();
  report->ending = ending;
  report->reserved = 0;
  return ECHO_OK;
}

size_t System::Applied(int64_t* rows, size_t capacity) const {
  std::copy_n(applied_.begin(), std::min(capacity, applied_.size()), rows);
  return applied_.size();
}

void System::Note() {
  applied_.clear();
  for (const Instance& instance : choice_.instances()) {
    if (instance.times == 0) continue;
    const size_t n = program_.rule(instance.rule).inner.size();
    applied_.push_back(now_.membranes[instance.membrane].id);
    applied_.push_back(instance.rule);
    applied_.push_back(static_cast<int64_t>(instance.times));
    applied_.push_back(static_cast<int64_t>(n));
    for (size_t i = 0; i < n; ++i) {
      applied_.push_back(now_.membranes[choice_.into(instance)[i]].id);
    }
  }
}

}  // namespace echo::psystem
