// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/sandbox_runner.h"

#include <exception>

#include "base/log.h"
#include "runners/sandbox/directives.h"
#include "runners/sandbox/quiet_sink.h"
#include "runners/sandbox/sandbox_run.h"

namespace hekto::runners {

async::Task<ports::RunOutcome> SandboxRunner::run(ports::RunRequest request, ports::RunSink& sink) {
  try {
    const auto steering = steering_of(request.input, request.steering);
    QuietSink quiet(sink);
    ports::RunSink& shown = steering.webhook_only ? static_cast<ports::RunSink&>(quiet) : sink;
    auto outcome = co_await SandboxRun(request, steering, shown, pool_, options_.speed).to_end();
    // What was interrupted is repeated: then nothing of it is to be seen.
    if (!std::holds_alternative<ports::RunInterrupted>(outcome) && !co_await quiet.flush()) {
      co_return ports::RunInterrupted{};
    }
    co_return outcome;
  } catch (const std::exception& fault) {
    log::error("sandbox run threw", {{"prediction", request.prediction_id}, {"what", fault.what()}});
  }
  co_return ports::RunFailed{"The sandbox could not run this prediction.", ""};
}

}  // namespace hekto::runners
