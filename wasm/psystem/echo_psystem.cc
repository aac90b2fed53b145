// The part of the C interface that runs membrane systems.
#include <memory>
#include <new>
#include <utility>

#include "include/echo.h"
#include "psystem/system.h"
#include "status.h"

struct echo_psystem {
  std::unique_ptr<echo::psystem::System> object;
};

echo_status echo_psystem_new(const int64_t* program, size_t n, echo_psystem** psystem) {
  ECHO_CHECK_NULL(program);
  ECHO_CHECK_NULL(psystem);
  std::unique_ptr<echo::psystem::System> system;
  const echo_status status = echo::psystem::System::Create(program, n, &system);
  if (status != ECHO_OK) return status;
  echo_psystem* made = new (std::nothrow) echo_psystem{std::move(system)};
  if (made == nullptr) return echo::Fail(ECHO_ERROR_MEMORY, "There is no memory left.");
  *psystem = made;
  return ECHO_OK;
}

void echo_psystem_free(echo_psystem* psystem) { delete psystem; }

echo_status echo_psystem_set(echo_psystem* psystem, const int64_t* configuration, size_t n) {
  ECHO_CHECK_NULL(psystem);
  ECHO_CHECK_NULL(configuration);
  return psystem->object->Set(configuration, n);
}

echo_status echo_psystem_run(echo_psystem* psystem, size_t steps, echo_psystem_report* report) {
  ECHO_CHECK_NULL(psystem);
  ECHO_CHECK_NULL(report);
  return psystem->object->Run(steps, report);
}

echo_status echo_psystem_get(const echo_psystem* psystem, int64_t* configuration, size_t capacity,
                             size_t* needed) {
  ECHO_CHECK_NULL(psystem);
  ECHO_CHECK_NULL(configuration);
  ECHO_CHECK_NULL(needed);
  *needed = psystem->object->Get(configuration, capacity);
  return ECHO_OK;
}

echo_status echo_psystem_applied(const echo_psystem* psystem, int64_t* rows, size_t capacity,
                                 size_t* needed) {
  ECHO_CHECK_NULL(psystem);
  ECHO_CHECK_NULL(rows);
  ECHO_CHECK_NULL(needed);
  *needed = psystem->object->Applied(rows, capacity);
  return ECHO_OK;
}
