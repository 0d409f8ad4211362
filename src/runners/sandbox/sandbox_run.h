// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/blocking_pool.h"
#include "domain/steering.h"
#include "ports/runner.h"
#include "runners/sandbox/inputs.h"
#include "runners/sandbox/sample_value.h"

struct gdImageStruct;

namespace hekto::runners {

/// One run of the sandbox, on one task. Refers to what it is given, which must outlive it.
class SandboxRun {
 public:
  SandboxRun(const ports::RunRequest& request, const domain::Steering& steering, ports::RunSink& sink,
             async::BlockingPool& pool, double speed);

  /// As ports::Runner::run, except that std::bad_alloc may come out.
  async::Task<ports::RunOutcome> to_end();

 private:
  // Each step below gives an outcome when the run ends there, nullopt when it goes on.
  using End = std::optional<ports::RunOutcome>;

  async::Task<End> begin();
  /// Says of each input file what it is, from its content.
  async::Task<End> name_files();
  /// Writes the log lines that a test asked for.
  async::Task<End> flood_logs();
  async::Task<End> steps();
  /// Shows a progress bar of `count` steps, each of which takes that long at speed 1.
  async::Task<End> progress(int count, double step_seconds);
  async::Task<ports::RunOutcome> malformed();

  // sandbox_training.cpp
  async::Task<ports::RunOutcome> train();

  // sandbox_files.cpp
  async::Task<ports::RunOutcome> files();
  async::Task<ports::RunOutcome> images();
  async::Task<ports::RunOutcome> sound();
  async::Task<ports::RunOutcome> movie();
  /// Gives the one file of a run, or item 0 of its list, and ends it.
  async::Task<ports::RunOutcome> one_file(ports::ProducedFile file, std::string line, std::string metrics);
  /// The image that the input names, decoded; null when there is none, or none that can be.
  async::Task<std::shared_ptr<gdImageStruct>> given_image();

  // sandbox_texts.cpp
  async::Task<ports::RunOutcome> stream_text();
  async::Task<ports::RunOutcome> whole_text();
  async::Task<ports::RunOutcome> values();
  /// What a value that fits `schema` is made of.
  async::Task<SampleContent> content(const domain::Value* schema) const;
  std::vector<std::string> reply_tokens() const;
  std::string text_metrics(std::size_t output_tokens) const;

  /// Called before output item `index`: keeps to the pause asked for, to fail-after and to hang-after.
  async::Task<End> before_item(std::size_t index);
  /// The end of a run that gave `items` output items.
  async::Task<ports::RunOutcome> succeed(std::size_t items, std::string metrics);
  /// Gives an output that is one value.
  async::Task<End> single(domain::Value value);
  async::Task<End> say(std::string line);
  /// A span of the model's time, shortened by the speed. False when the run is to stop.
  async::Task<bool> model_time(double seconds);
  async::Task<bool> real_time(Duration span);
  async::Task<ports::RunOutcome> hang();
  ports::RunOutcome failure() const;
  static End go_on_if(const Result<void>& taken);

  const ports::RunRequest& request_;
  const domain::Steering& steering_;
  ports::RunSink& sink_;
  async::BlockingPool& pool_;
  const double speed_;
  const Inputs inputs_;
  const std::string prompt_;
  const std::uint64_t seed_;
};

}  // namespace hekto::runners
