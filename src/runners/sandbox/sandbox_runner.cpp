// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/sandbox_runner.h"

#include <exception>

#include "base/log.h"
#include "runners/sandbox/sandbox_run.h"

namespace hekto::runners {

async::Task<ports::RunOutcome> SandboxRunner::run(ports::RunRequest request, ports::RunSink& sink) {
  try {
    SandboxRun run(request, sink, pool_, options_.speed);
    co_return co_await run.to_end();
  } catch (const std::exception& fault) {
    log::error("sandbox run threw", {{"prediction", request.prediction_id}, {"what", fault.what()}});
  }
  co_return ports::RunFailed{"The sandbox could not run this prediction.", ""};
}

}  // namespace hekto::runners
