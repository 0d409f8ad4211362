// SPDX-License-Identifier: Apache-2.0
// The outputs of a run that are text or any other JSON.
#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "base/json_text.h"
#include "json/value_json.h"
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
  const auto* schema = resolve(component(openapi, "Output"), openapi);
  const auto tokens = reply_tokens();
  auto text = joined(steering_.awkward ? awkward_chunks() : tokens);
  if (steering_.large > 0) text = fill(text, steering_.large);
  SplitMix random(seed_);
  if (auto end = co_await single(sample_value(schema, openapi, text, random))) co_return *end;
  co_return co_await succeed(1, text_metrics(tokens.size()));
}

Task<RunOutcome> SandboxRun::values() {
  const auto& openapi = request_.version->openapi_schema;
  const auto* schema = resolve(component(openapi, "Output"), openapi);
  std::string text = steering_.awkward ? joined(awkward_chunks()) : "sandbox: " + prompt_;
  if (steering_.large > 0) text = fill(text, steering_.large);
  SplitMix random(seed_);
  auto value = sample_value(schema, openapi, text, random);
  auto* items = value.as_array();
  if (items == nullptr || request_.version->output != OutputKind::list) {
    if (auto end = co_await single(std::move(value))) co_return *end;
    co_return co_await succeed(1, "");
  }
  if (steering_.items) {
    const auto* each = schema != nullptr ? schema->find("items") : nullptr;
    while (items->size() < *steering_.items) items->push_back(sample_value(each, openapi, text, random));
    items->resize(*steering_.items);
  }
  for (std::size_t i = request_.items_done; i < items->size(); ++i) {
    if (auto end = co_await before_item(i)) co_return *end;
    if (auto end = go_on_if(co_await sink_.output_json(i, true, json::dump((*items)[i])))) co_return *end;
  }
  co_return co_await succeed(items->size(), "");
}

}  // namespace hekto::runners
