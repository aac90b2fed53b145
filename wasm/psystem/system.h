// A membrane system that runs: rules, a configuration, a generator.
#ifndef DEEP_TREE_ECHO_PSYSTEM_SYSTEM_H_
#define DEEP_TREE_ECHO_PSYSTEM_SYSTEM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "include/echo.h"
#include "psystem/choice.h"
#include "psystem/configuration.h"
#include "psystem/program.h"
#include "psystem/rewriting.h"
#include "text/random.h"

namespace echo::psystem {

class System {
 public:
  static echo_status Create(const int64_t* program, size_t n, std::unique_ptr<System>* made);

  echo_status Set(const int64_t* configuration, size_t n);
  echo_status Run(size_t steps, echo_psystem_report* report);
  size_t Get(int64_t* configuration, size_t capacity) const {
    return now_.Write(random_.state(), configuration, capacity);
  }
  size_t Applied(int64_t* rows, size_t capacity) const;

 private:
  void Note();

  Program program_;
  Configuration now_;
  Configuration next_;  // made aside, so that a step beyond the limits changes nothing
  Random random_{0};
  Choice choice_;
  Rewriter rewriter_;
  std::vector<int64_t> applied_;  // the rows of the last step
};

}  // namespace echo::psystem
#endif  // DEEP_TREE_ECHO_PSYSTEM_SYSTEM_H_
