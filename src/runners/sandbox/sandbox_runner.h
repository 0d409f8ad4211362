// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "async/blocking_pool.h"
#include "ports/runner.h"

namespace hekto::runners {

struct SandboxOptions {
  double speed = 1;  ///< how much faster than the models' profiles; 0: no waiting at all
};

/// Stands in for any catalog model, in this process: output made from the input that fits the model's schema, logs with
/// a progress bar, metrics and plausible timing. It says in its first log line that it is not the model. Given a seed
/// (input.seed, else one derived from the prediction id) it always produces the same, so a lost run can be repeated.
/// Tests steer it through texts of the input and through RunRequest::steering: see domain/steering.h.
class SandboxRunner final : public ports::Runner {
 public:
  /// `pool` draws the images and must outlive the runner.
  SandboxRunner(async::BlockingPool& pool, SandboxOptions options) : pool_(pool), options_(options) {}

  std::string_view name() const override { return "sandbox"; }
  bool idempotent() const override { return true; }
  async::Task<ports::RunOutcome> run(ports::RunRequest request, ports::RunSink& sink) override;

 private:
  async::BlockingPool& pool_;
  const SandboxOptions options_;
};

}  // namespace hekto::runners
