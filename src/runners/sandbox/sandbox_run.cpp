// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/sandbox_run.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/hash.h"
#include "runners/sandbox/progress.h"
#include "runners/sandbox/splitmix.h"

namespace hekto::runners {

using async::Task;
using domain::OutputKind;
using ports::RunFailed;
using ports::RunInterrupted;
using ports::RunOutcome;
using ports::RunSucceeded;

namespace {

constexpr int kMostLines = 100;  // of a progress bar: a run of a thousand steps must not fill the logs
constexpr double kLongestSeconds = 3600;

/// The SHA-256 of a file, read in pieces so that a large one does not lie in memory whole.
Task<Result<std::string>> hash_of(ports::StoredFile& file) {
  constexpr std::size_t kPiece = 256 * 1024;
  Sha256 hash;
  for (std::uint64_t at = 0; at < file.size();) {
    const auto piece = co_await file.read(at, kPiece);
    if (!piece) co_return std::unexpected(piece.error());
    if (piece->empty()) co_return fail(ErrorCode::storage, "a file ended early");
    hash.update(*piece);
    at += piece->size();
  }
  co_return hex_encode(hash.finish());
}

}  // namespace

SandboxRun::SandboxRun(const ports::RunRequest& request, const domain::Steering& steering, ports::RunSink& sink,
                       async::BlockingPool& pool, double speed)
    : request_(request),
      steering_(steering),
      sink_(sink),
      pool_(pool),
      speed_(speed),
      inputs_(*request.version, request.input, request.training ? "TrainingInput" : "Input"),
      prompt_(inputs_.prompt()),
      seed_(inputs_.seed().value_or(seed_of(request.prediction_id) & 0xffffffff)) {}

SandboxRun::End SandboxRun::go_on_if(const Result<void>& taken) {
  if (taken) return std::nullopt;
  return RunInterrupted{};
}

RunOutcome SandboxRun::failure() const {
  return RunFailed{steering_.fail.value_or("The sandbox was asked to fail."), ""};
}

Task<bool> SandboxRun::real_time(Duration span) {
  if (span <= Duration::zero()) co_return !request_.stop.stop_requested();
  co_return co_await request_.stop.sleep_for(span);
}

Task<bool> SandboxRun::model_time(double seconds) {
  const double scaled = speed_ > 0 ? std::clamp(seconds / speed_, 0.0, kLongestSeconds) : 0;
  co_return co_await real_time(Duration(static_cast<std::int64_t>(scaled * 1e6)));
}

Task<RunOutcome> SandboxRun::hang() {
  while (co_await request_.stop.sleep_for(std::chrono::hours(1))) {
  }
  co_return RunInterrupted{};
}

Task<SandboxRun::End> SandboxRun::say(std::string line) { co_return go_on_if(co_await sink_.log(std::move(line))); }

Task<RunOutcome> SandboxRun::to_end() {
  if (request_.training) co_return co_await train();
  if (auto end = co_await begin()) co_return *end;
  const OutputKind kind = request_.version->output;
  if (kind != OutputKind::text_stream) {
    if (auto end = co_await steps()) co_return *end;
  }
  if (steering_.fail && !steering_.fail_after) co_return failure();
  if (steering_.null) co_return co_await succeed(0, "");
  if (kind == OutputKind::text_stream) co_return co_await stream_text();
  if (steering_.malformed) co_return co_await malformed();
  switch (kind) {
    case OutputKind::file:
    case OutputKind::file_list:
      co_return co_await files();
    case OutputKind::text:
      co_return co_await whole_text();
    case OutputKind::text_stream:
    case OutputKind::list:
    case OutputKind::value:
      break;
  }
  co_return co_await values();
}

Task<SandboxRun::End> SandboxRun::begin() {
  if (!co_await model_time(request_.model->sandbox.setup_seconds)) co_return RunInterrupted{};
  if (!co_await real_time(steering_.setup)) co_return RunInterrupted{};
  if (steering_.setup_fail) co_return RunFailed{*steering_.setup_fail, ""};
  if (auto end = go_on_if(co_await sink_.started())) co_return end;
  auto lines = fmt::format("sandbox: this is the Hekto sandbox in place of {}; the model itself was not run\n",
                           request_.model->full_name());
  if (request_.attempt > 1) {
    lines += fmt::format("sandbox: attempt {}; the attempt before it was interrupted\n", request_.attempt);
  }
  lines += fmt::format("Using seed: {}\n", seed_);
  if (auto end = co_await say(std::move(lines))) co_return end;
  if (auto end = co_await name_files()) co_return end;
  if (auto end = co_await flood_logs()) co_return end;
  if (!co_await real_time(steering_.delay)) co_return RunInterrupted{};
  if (request_.attempt <= steering_.interrupts) co_return RunInterrupted{};
  co_return std::nullopt;
}

Task<SandboxRun::End> SandboxRun::name_files() {
  std::string lines;
  for (const auto& file : request_.files) {
    const auto hash = co_await hash_of(*file.content);
    if (!hash) co_return RunInterrupted{};
    lines += fmt::format("sandbox: input{} is {} ({}, {} bytes, sha256 {})\n", file.pointer, file.name,
                         file.content_type, file.content->size(), *hash);
  }
  if (lines.empty()) co_return std::nullopt;
  co_return co_await say(std::move(lines));
}

Task<SandboxRun::End> SandboxRun::flood_logs() {
  constexpr std::size_t kPiece = 64 * 1024;
  std::size_t left = steering_.logs;
  for (std::size_t line = 0; left > 0;) {
    std::string lines;
    while (lines.size() < std::min(left, kPiece)) lines += fmt::format("sandbox: log line {}\n", ++line);
    if (lines.size() > left) {
      lines.resize(left);
      lines.back() = '\n';
    }
    left -= lines.size();
    if (auto end = co_await say(std::move(lines))) co_return end;
  }
  co_return std::nullopt;
}

Task<SandboxRun::End> SandboxRun::steps() {
  const auto& profile = request_.model->sandbox;
  const int usual = std::max(1, profile.steps);
  std::int64_t total = usual;
  double share = 1;
  if (!profile.steps_input.empty()) {
    const auto* standard = inputs_.default_of(profile.steps_input);
    const double base = standard != nullptr && standard->number() >= 1 ? standard->number() : usual;
    total = std::clamp<std::int64_t>(inputs_.integer(profile.steps_input, static_cast<std::int64_t>(base)), 1, 100000);
    share = static_cast<double>(total) / base;
  }
  const double step_seconds = std::max(0.0, profile.seconds) * share / static_cast<double>(total);
  co_return co_await progress(static_cast<int>(total), step_seconds);
}

Task<SandboxRun::End> SandboxRun::progress(int count, double step_seconds) {
  // What the bar shows; without waiting there is no measured rate, so it shows the profile's.
  const double shown = std::max(1e-4, speed_ > 0 ? step_seconds / speed_ : step_seconds);
  const int stride = (count + kMostLines - 1) / kMostLines;
  if (auto end = co_await say(progress_line(0, count, shown))) co_return end;
  for (int done = 0; done < count;) {
    const int part = std::min(stride, count - done);
    if (!co_await model_time(step_seconds * part)) co_return RunInterrupted{};
    done += part;
    if (auto end = co_await say(progress_line(done, count, shown))) co_return end;
  }
  co_return std::nullopt;
}

Task<RunOutcome> SandboxRun::malformed() {
  // An object where text or files belong, a text where anything else does.
  const OutputKind kind = request_.version->output;
  const bool structured = kind == OutputKind::list || kind == OutputKind::value;
  if (auto end = co_await before_item(0)) co_return *end;
  auto taken = co_await sink_.output_json(0, false, structured ? R"("malformed")" : R"({"malformed":true})");
  if (auto end = go_on_if(taken)) co_return *end;
  co_return co_await succeed(1, "");
}

Task<SandboxRun::End> SandboxRun::before_item(std::size_t index) {
  if (steering_.fail_after && index >= *steering_.fail_after) co_return failure();
  if (steering_.hang_after && index >= *steering_.hang_after) co_return co_await hang();
  const bool first = index == request_.items_done;
  if (!co_await real_time(first ? Duration{} : steering_.pause)) co_return RunInterrupted{};
  co_return std::nullopt;
}

Task<RunOutcome> SandboxRun::succeed(std::size_t items, std::string metrics) {
  if (steering_.fail_after && items >= *steering_.fail_after) co_return failure();
  if (steering_.hang_after && items >= *steering_.hang_after) co_return co_await hang();
  co_return RunSucceeded{std::move(metrics)};
}

}  // namespace hekto::runners
