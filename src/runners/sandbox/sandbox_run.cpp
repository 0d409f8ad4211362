// SPDX-License-Identifier: Apache-2.0
#include "runners/sandbox/sandbox_run.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/json_text.h"
#include "json/value_json.h"
#include "runners/sandbox/image_options.h"
#include "runners/sandbox/picture.h"
#include "runners/sandbox/progress.h"
#include "runners/sandbox/sample_value.h"
#include "runners/sandbox/splitmix.h"
#include "runners/sandbox/text_reply.h"

namespace hekto::runners {

using async::Task;
using domain::OutputKind;
using ports::RunFailed;
using ports::RunInterrupted;
using ports::RunOutcome;
using ports::RunSucceeded;

namespace {

constexpr int kMostLines = 100;  // of a progress bar: a run of a thousand steps must not fill the logs
constexpr std::size_t kDefaultMaxTokens = 512;
constexpr double kLongestSeconds = 3600;

std::string quoted(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

/// draw_picture for a pool thread, where an exception would end the process.
Result<std::string> draw_safely(const Picture& picture) {
  try {
    return draw_picture(picture);
  } catch (const std::exception&) {
    return fail(ErrorCode::internal, "there was no memory to draw the image");
  }
}

std::string failure_of(const Directives& directives) {
  return directives.fail.value_or("The sandbox was asked to fail.");
}

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

SandboxRun::SandboxRun(const ports::RunRequest& request, ports::RunSink& sink, async::BlockingPool& pool, double speed)
    : request_(request),
      sink_(sink),
      pool_(pool),
      speed_(speed),
      inputs_(*request.version, request.input),
      prompt_(inputs_.prompt()),
      directives_(parse_directives(prompt_)),
      seed_(inputs_.seed().value_or(seed_of(request.prediction_id) & 0xffffffff)) {}

SandboxRun::End SandboxRun::go_on_if(const Result<void>& taken) {
  if (taken) return std::nullopt;
  return RunInterrupted{};
}

Task<bool> SandboxRun::real_time(Duration span) {
  if (span <= Duration::zero()) co_return !request_.stop.stop_requested();
  co_return co_await request_.stop.sleep_for(span);
}

Task<bool> SandboxRun::model_time(double seconds) {
  const double scaled = speed_ > 0 ? std::clamp(seconds / speed_, 0.0, kLongestSeconds) : 0;
  co_return co_await real_time(Duration(static_cast<std::int64_t>(scaled * 1e6)));
}

Task<SandboxRun::End> SandboxRun::say(std::string line) { co_return go_on_if(co_await sink_.log(std::move(line))); }

Task<RunOutcome> SandboxRun::to_end() {
  if (auto end = co_await begin()) co_return *end;
  const OutputKind kind = request_.version->output;
  if (kind == OutputKind::text_stream) co_return co_await stream_text();
  if (auto end = co_await steps()) co_return *end;
  if (directives_.malformed) {
    // An object where text or files belong, a text where anything else does.
    const bool structured = kind == OutputKind::list || kind == OutputKind::value;
    auto taken = co_await sink_.output_json(0, false, structured ? R"("malformed")" : R"({"malformed":true})");
    co_return go_on_if(taken).value_or(RunSucceeded{});
  }
  switch (kind) {
    case OutputKind::file:
    case OutputKind::file_list:
      co_return co_await images();
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
  if (!co_await real_time(directives_.setup)) co_return RunInterrupted{};
  if (auto end = go_on_if(co_await sink_.started())) co_return end;
  auto lines = fmt::format("sandbox: this is the Hekto sandbox in place of {}; the model itself was not run\n",
                           request_.model->full_name());
  if (request_.attempt > 1) {
    lines += fmt::format("sandbox: attempt {}; the attempt before it was interrupted\n", request_.attempt);
  }
  lines += fmt::format("Using seed: {}\n", seed_);
  if (auto end = co_await say(std::move(lines))) co_return end;
  if (auto end = co_await name_files()) co_return end;
  if (!co_await real_time(directives_.delay)) co_return RunInterrupted{};
  if (directives_.fail && request_.version->output == OutputKind::text_stream)
    co_return RunFailed{failure_of(directives_), ""};
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
  // What the bar shows; without waiting there is no measured rate, so it shows the profile's.
  const double shown = std::max(1e-4, speed_ > 0 ? step_seconds / speed_ : step_seconds);
  const int count = static_cast<int>(total);
  const int stride = (count + kMostLines - 1) / kMostLines;
  if (auto end = co_await say(progress_line(0, count, shown))) co_return end;
  for (int done = 0; done < count;) {
    const int part = std::min(stride, count - done);
    if (!co_await model_time(step_seconds * part)) co_return RunInterrupted{};
    done += part;
    if (auto end = co_await say(progress_line(done, count, shown))) co_return end;
  }
  if (directives_.fail) co_return RunFailed{failure_of(directives_), ""};
  co_return std::nullopt;
}

Task<SandboxRun::End> SandboxRun::before_item(std::size_t index) {
  if (directives_.fail_after && index >= *directives_.fail_after) co_return RunFailed{failure_of(directives_), ""};
  const bool first = index == request_.items_done;
  if (!co_await real_time(first ? Duration{} : directives_.pause)) co_return RunInterrupted{};
  co_return std::nullopt;
}

Task<RunOutcome> SandboxRun::images() {
  const auto options = image_options(inputs_);
  const bool list = request_.version->output == OutputKind::file_list;
  const std::size_t count = list ? static_cast<std::size_t>(options.count) : 1;
  for (std::size_t i = request_.items_done; i < count; ++i) {
    if (auto end = co_await before_item(i)) co_return *end;
    const Picture picture{.width = options.width,
                          .height = options.height,
                          .format = options.format,
                          .quality = options.quality,
                          .seed = seed_,
                          .index = i,
                          .prompt = prompt_,
                          .model = request_.model->full_name()};
    auto bytes = co_await pool_.run([picture] { return draw_safely(picture); });
    if (!bytes) co_return RunFailed{fmt::format("The sandbox failed: {}.", bytes.error().message), ""};
    if (request_.stop.stop_requested()) co_return RunInterrupted{};
    ports::ProducedFile file{.name = fmt::format("out-{}.{}", i, options.extension),
                             .content_type = std::string(content_type(options.format)),
                             .bytes = std::move(*bytes)};
    if (auto end = go_on_if(co_await sink_.output_file(i, list, std::move(file)))) co_return *end;
  }
  auto line =
      fmt::format("sandbox: drew {} image{} of {}x{}\n", count, count == 1 ? "" : "s", options.width, options.height);
  if (auto end = co_await say(std::move(line))) co_return *end;
  co_return RunSucceeded{fmt::format("\"image_output_count\":{}", count)};
}

std::vector<std::string> SandboxRun::reply_tokens() const {
  ReplyOptions options{
      .model = request_.model->full_name(), .prompt = prompt_, .seed = seed_, .max_tokens = kDefaultMaxTokens};
  for (const auto name : {"max_tokens", "max_new_tokens", "max_completion_tokens", "max_length"}) {
    if (inputs_.find(name) == nullptr) continue;
    const auto asked = inputs_.integer(name, kDefaultMaxTokens);
    if (asked > 0) options.max_tokens = static_cast<std::size_t>(asked);
    break;
  }
  for (const auto name : {"min_tokens", "min_new_tokens"}) {
    options.min_tokens =
        std::max(options.min_tokens, static_cast<std::size_t>(std::max<std::int64_t>(inputs_.integer(name, 0), 0)));
  }
  return reply(options);
}

std::string SandboxRun::text_metrics(std::size_t output_tokens) const {
  const double rate = std::max(0.1, request_.model->sandbox.tokens_per_second) * (speed_ > 0 ? speed_ : 1);
  return fmt::format(
      "\"input_token_count\":{},\"output_token_count\":{},\"time_to_first_token\":{:.4f},\"tokens_per_second\":{:.2f}",
      tokenize(prompt_).size(), output_tokens, 1 / rate, rate);
}

Task<RunOutcome> SandboxRun::stream_text() {
  const auto tokens = reply_tokens();
  auto chunks = chunk(tokens, seed_);
  chunks.emplace_back();  // language models end with an empty item
  const double token_seconds = 1 / std::max(0.1, request_.model->sandbox.tokens_per_second);
  for (std::size_t i = request_.items_done; i < chunks.size(); ++i) {
    if (auto end = co_await before_item(i)) co_return *end;
    const auto size = static_cast<double>(tokenize(chunks[i]).size());
    if (!co_await model_time(size * token_seconds)) co_return RunInterrupted{};
    auto json = directives_.malformed ? std::string(R"({"malformed":true})") : quoted(chunks[i]);
    if (auto end = go_on_if(co_await sink_.output_json(i, true, std::move(json)))) co_return *end;
  }
  co_return RunSucceeded{text_metrics(tokens.size())};
}

Task<SandboxRun::End> SandboxRun::single(domain::Value value) {
  if (request_.items_done > 0) co_return std::nullopt;
  if (auto end = co_await before_item(0)) co_return end;
  co_return go_on_if(co_await sink_.output_json(0, false, json::dump(value)));
}

Task<RunOutcome> SandboxRun::whole_text() {
  const auto& openapi = request_.version->openapi_schema;
  const auto* schema = resolve(component(openapi, "Output"), openapi);
  const auto tokens = reply_tokens();
  std::string text;
  for (const auto& token : tokens) text += token;
  SplitMix random(seed_);
  if (auto end = co_await single(sample_value(schema, openapi, text, random))) co_return *end;
  co_return RunSucceeded{text_metrics(tokens.size())};
}

Task<RunOutcome> SandboxRun::values() {
  const auto& openapi = request_.version->openapi_schema;
  SplitMix random(seed_);
  const auto value = sample_value(component(openapi, "Output"), openapi, "sandbox: " + prompt_, random);
  const auto* items = value.as_array();
  if (request_.version->output == OutputKind::list && items != nullptr) {
    for (std::size_t i = request_.items_done; i < items->size(); ++i) {
      if (auto end = co_await before_item(i)) co_return *end;
      if (auto end = go_on_if(co_await sink_.output_json(i, true, json::dump((*items)[i])))) co_return *end;
    }
  } else if (auto end = co_await single(value)) {
    co_return *end;
  }
  co_return RunSucceeded{};
}

}  // namespace hekto::runners
