// SPDX-License-Identifier: Apache-2.0
// SandboxRun: trainings.
#include <algorithm>

#include <fmt/format.h>

#include "runners/sandbox/sandbox_run.h"
#include "runners/sandbox/weights.h"

namespace hekto::runners {

using async::Task;
using ports::RunOutcome;

namespace {

constexpr int kUsualSteps = 100;
constexpr int kMostSteps = 100'000;

/// The names that trainers give to the number of their steps.
int training_steps(const Inputs& inputs) {
  for (const auto name : {"steps", "max_train_steps", "train_steps", "num_train_steps"}) {
    const auto steps = inputs.integer(name, 0);
    if (steps > 0) return static_cast<int>(std::min<std::int64_t>(steps, kMostSteps));
  }
  return kUsualSteps;
}

}  // namespace

Task<RunOutcome> SandboxRun::train() {
  const auto& destination = request_.training->destination;
  const int steps = training_steps(inputs_);
  if (auto end = co_await begin()) co_return *end;
  if (auto end = co_await say(fmt::format("sandbox: a training of {} in {} steps\n", destination, steps))) {
    co_return *end;
  }
  if (auto end = co_await progress(steps, std::max(0.0, request_.model->sandbox.training_seconds) / steps)) {
    co_return *end;
  }
  if (steering_.fail && !steering_.fail_after) co_return failure();
  if (steering_.null) co_return co_await succeed(0, "");
  if (steering_.malformed) co_return co_await malformed();
  if (request_.items_done == 0) {
    if (auto end = co_await before_item(0)) co_return *end;
    ports::ProducedFile file{.name = "trained_model.safetensors",
                             .content_type = "application/octet-stream",
                             .bytes = sandbox_weights(request_.model->full_name(), destination, seed_)};
    if (auto end = go_on_if(co_await sink_.output_file(0, false, std::move(file)))) co_return *end;
  }
  co_return co_await succeed(1, fmt::format("\"training_step_count\":{}", steps));
}

}  // namespace hekto::runners
