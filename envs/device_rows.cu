// The environments that a device can step: all of them (list.h).
#include "envs/device_driver.h"
#include "envs/list.h"

namespace innerloop::envs::SIMT_BACKEND {

template <class... Env>
const DeviceEnvRow* find_in(EnvList<Env...>, std::string_view name) {
  static constexpr DeviceEnvRow rows[] = {device_row<Env>...};
  for (const DeviceEnvRow& row : rows)
    if (row.name == name) return &row;
  return nullptr;
}

// The row of that name; null if there is none.
const DeviceEnvRow* find_row(std::string_view name) {
  for (const DeviceEnvRow* row : {find_in(NavigationEnvs{}, name), find_in(ControlEnvs{}, name),
                                  find_in(TrialEnvs{}, name), find_in(FurtherEnvs{}, name)})
    if (row != nullptr) return row;
  return nullptr;
}

void reset_lanes_of(std::string_view env, const DeviceLanes& lanes, void* stream) {
  const DeviceEnvRow* row = find_row(env);
  require(row != nullptr, "no device steps the environment '" + std::string(env) + "'");
  row->reset(lanes, stream);
}

void step_lanes_of(std::string_view env, const DeviceLanes& lanes, void* stream) {
  const DeviceEnvRow* row = find_row(env);
  require(row != nullptr, "no device steps the environment '" + std::string(env) + "'");
  row->step(lanes, stream);
}

}  // namespace innerloop::envs::SIMT_BACKEND
