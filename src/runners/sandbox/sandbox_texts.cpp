// SPDX-License-Identifier: Apache-2.0
// The outputs of a run that are text or any other JSON.
#include <algorithm>
#include <exception>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "base/encoding.h"
#include "base/json_text.h"
#include "base/text.h"
#include "domain/openapi.h"
#include "json/value_json.h"
#include "runners/sandbox/picture.h"
#include "runners/sandbox/sample_value.h"
#include "runners/sandbox/sandbox_run.h"
#include "runners/sandbox/splitmix.h"
#include "runners/sandbox/steered_text.h"
#include "runners/sandbox/text_reply.h"

namespace hekto::runners {

using async::Task;
using domain::OutputKind;
using ports::RunInterrupted;
using ports::RunOutcome;

namespace {

constexpr std::size_t kDefaultMaxTokens = 512;

std::string quoted(std::string_view text) {
  std::string json;
  append_json_string(json, text);
  return json;
}

std::vector<std::string> lines_of(std::string_view text) {
  constexpr std::size_t kMostLines = 100;
  std::vector<std::string> lines;
  while (!text.empty() && lines.size() < kMostLines) {
    if (const auto line = take_until(text, '\n'); !line.empty()) lines.emplace_back(line);
  }
  return lines;
}

/// draw_picture for a pool thread, where an exception would end the process.
Result<std::string> draw_safely(const Picture& picture) {
  try {
    return draw_picture(picture);
  } catch (const std::exception&) {
    return fail(ErrorCode::internal, "there was no memory to draw the image");
  }
}

std::string joined(const std::vector<std::string>& parts) {
  return std::accumulate(parts.begin(), parts.end(), std::string());
}

}  // namespace

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
  const auto chunks = steered_chunks(chunk(tokens, seed_), steering_);
  // What a test asks for comes as fast as it lets it: ten megabytes would take the model's pace for hours.
  const double token_seconds = steering_.large > 0 ? 0 : 1 / std::max(0.1, request_.model->sandbox.tokens_per_second);
  for (std::size_t i = request_.items_done; i < chunks.size(); ++i) {
    if (auto end = co_await before_item(i)) co_return *end;
    const double seconds = token_seconds > 0 ? static_cast<double>(tokenize(chunks[i]).size()) * token_seconds : 0;
    if (!co_await model_time(seconds)) co_return RunInterrupted{};
    auto json = steering_.malformed ? std::string(R"({"malformed":true})") : quoted(chunks[i]);
    if (auto end = go_on_if(co_await sink_.output_json(i, true, std::move(json)))) co_return *end;
  }
  co_return co_await succeed(chunks.size(), text_metrics(tokens.size()));
}

Task<SandboxRun::End> SandboxRun::single(domain::Value value) {
  if (request_.items_done > 0) co_return std::nullopt;
  if (auto end = co_await before_item(0)) co_return end;
  co_return go_on_if(co_await sink_.output_json(0, false, json::dump(value)));
}

Task<RunOutcome> SandboxRun::whole_text() {
  const auto& openapi = request_.version->openapi_schema;
  const auto* schema = domain::resolve_schema(domain::openapi_schema(openapi, "Output"), openapi);
  const auto tokens = reply_tokens();
  auto text = joined(steering_.awkward ? awkward_chunks() : tokens);
  if (steering_.large > 0) text = fill(text, steering_.large);
  SplitMix random(seed_);
  if (auto end = co_await single(sample_value(schema, openapi, {std::move(text)}, random))) co_return *end;
  co_return co_await succeed(1, text_metrics(tokens.size()));
}

Task<SampleContent> SandboxRun::content(const domain::Value* schema) const {
  SampleContent out;
  out.numbers = static_cast<std::size_t>(std::max(1, request_.model->sandbox.numbers));
  out.text = "sandbox: " + prompt_;
  if (prompt_.empty() && !request_.files.empty()) {
    const auto& file = request_.files.front();
    out.text = fmt::format("sandbox: this is about {} ({})", file.name, file.content_type);
  }
  if (steering_.awkward) out.text = joined(awkward_chunks());
  if (steering_.large > 0) out.text = fill(out.text, steering_.large);
  if (schema == nullptr || !json::dump(*schema).contains(R"("format":"uri")")) co_return out;
  // Files inside of objects are real ones, in the URL itself.
  const Picture picture{.width = 256,
                        .height = 256,
                        .format = ImageFormat::webp,
                        .seed = seed_,
                        .prompt = prompt_,
                        .model = request_.model->full_name()};
  const auto bytes = co_await pool_.run([picture] { return draw_safely(picture); });
  if (bytes) out.uri = "data:image/webp;base64," + base64_encode(*bytes);
  co_return out;
}

Task<RunOutcome> SandboxRun::values() {
  const auto& openapi = request_.version->openapi_schema;
  const auto* schema = domain::resolve_schema(domain::openapi_schema(openapi, "Output"), openapi);
  auto made_of = co_await content(schema);
  SplitMix random(seed_);
  if (request_.version->output != OutputKind::list) {
    if (auto end = co_await single(sample_value(schema, openapi, made_of, random))) co_return *end;
    co_return co_await succeed(1, "");
  }
  const auto* each = schema != nullptr ? domain::resolve_schema(schema->find("items"), openapi) : nullptr;
  // A list of objects answers a list of lines; any other has the length that its schema asks for.
  std::vector<std::string> lines;
  if (each != nullptr && each->text_of("type") == "object" && steering_.large == 0) lines = lines_of(prompt_);
  auto items = lines.empty() ? *sample_value(schema, openapi, made_of, random).as_array() : domain::Value::Array();
  for (auto& line : lines) {
    made_of.text = std::move(line);
    items.push_back(sample_value(each, openapi, made_of, random));
  }
  if (steering_.items) {
    while (items.size() < *steering_.items) items.push_back(sample_value(each, openapi, made_of, random));
    items.resize(*steering_.items);
  }
  for (std::size_t i = request_.items_done; i < items.size(); ++i) {
    if (auto end = co_await before_item(i)) co_return *end;
    if (auto end = go_on_if(co_await sink_.output_json(i, true, json::dump(items[i])))) co_return *end;
  }
  co_return co_await succeed(items.size(), "");
}

}  // namespace hekto::runners
