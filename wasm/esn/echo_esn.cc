// The part of the C interface that runs reservoirs.
#include <memory>
#include <new>
#include <utility>

#include "esn/reservoir.h"
#include "include/echo.h"
#include "status.h"

struct echo_reservoir {
  std::unique_ptr<echo::esn::Reservoir> object;
  uint32_t n_inputs;
  uint32_t n_feedback;
};

echo_status echo_reservoir_new(const echo_reservoir_settings* settings,
                               const echo_reservoir_weights* weights, echo_reservoir** reservoir) {
  ECHO_CHECK_NULL(settings);
  ECHO_CHECK_NULL(weights);
  ECHO_CHECK_NULL(reservoir);
  ECHO_CHECK_NULL(weights->starts);
  ECHO_CHECK_NULL(weights->columns);
  ECHO_CHECK_NULL(weights->values);
  ECHO_CHECK_NULL(weights->bias);
  ECHO_CHECK_NULL(weights->leak);
  if (settings->n_inputs > 0) ECHO_CHECK_NULL(weights->inputs);
  if (settings->n_feedback > 0) ECHO_CHECK_NULL(weights->feedback);
  std::unique_ptr<echo::esn::Reservoir> object;
  const echo_status status = echo::esn::Reservoir::Create(*settings, *weights, &object);
  if (status != ECHO_OK) return status;
  echo_reservoir* made = new (std::nothrow)
      echo_reservoir{std::move(object), settings->n_inputs, settings->n_feedback};
  if (made == nullptr) return echo::Fail(ECHO_ERROR_MEMORY, "There is no memory left.");
  *reservoir = made;
  return ECHO_OK;
}

void echo_reservoir_free(echo_reservoir* reservoir) { delete reservoir; }

echo_status echo_reservoir_run(echo_reservoir* reservoir, const void* inputs, const void* feedback,
                               size_t n_steps, void* state, uint64_t* random, void* states) {
  ECHO_CHECK_NULL(reservoir);
  ECHO_CHECK_NULL(state);
  ECHO_CHECK_NULL(random);
  if (reservoir->n_inputs > 0 && n_steps > 0) ECHO_CHECK_NULL(inputs);
  if (reservoir->n_feedback > 0 && n_steps > 0) ECHO_CHECK_NULL(feedback);
  return reservoir->object->Run({inputs, feedback, n_steps, state, random, states});
}
