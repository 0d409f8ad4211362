// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/progress.h"

#include "base/json_text.h"
#include "base/text.h"
#include "json/value_json.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using domain::Status;
using domain::Value;

bool is_data_url(std::string_view text) { return iequals(text.substr(0, 5), "data:"); }

}  // namespace

Progress::Progress(const UpstreamOptions& upstream, const Scrubber& scrubber, const domain::Prediction& delivered)
    : upstream_(upstream),
      scrubber_(scrubber),
      started_(delivered.status != Status::starting),
      start_known_(delivered.upstream_times.started.has_value()),
      logs_(delivered.logs),
      items_(delivered.output.items.size()) {
  for (const auto& text : delivered.output.items) {
    const auto value = json::parse(text);
    if (value && value->as_string() != nullptr) joined_ += *value->as_string();
  }
}

std::vector<Step> Progress::on_text(std::string text) {
  std::vector<Step> steps;
  if (ended_ || text.empty()) return steps;
  if (!started_) {
    steps.emplace_back(StepStart{});
    started_ = true;
  }
  by_stream_ = true;
  text = scrubber_.clean_output(std::move(text));
  joined_ += text;
  steps.emplace_back(StepItem{items_++, true, json::dump(Value(std::move(text))), {}});
  return steps;
}

std::vector<Step> Progress::on_snapshot(const Snapshot& snapshot) {
  std::vector<Step> steps;
  if (ended_) return steps;
  const bool terminal = snapshot.state && domain::is_terminal(*snapshot.state);
  // A status of tomorrow that comes with an end is one.
  const bool strange_end = !snapshot.state && snapshot.completed_at;
  const bool final = terminal || strange_end;
  const bool runs = snapshot.state == Status::processing || snapshot.started_at || snapshot.state == Status::succeeded;
  if ((!started_ && runs) || (started_ && !start_known_ && snapshot.started_at)) {
    steps.emplace_back(StepStart{snapshot.started_at});
    started_ = true;
    start_known_ = snapshot.started_at.has_value();
  }
  if (!started_ && !final) return steps;
  add_logs(snapshot.logs, final, steps);
  if (started_) add_output(snapshot.output, final, steps);
  if (!final) return steps;

  ended_ = true;
  const auto metrics = snapshot.metrics;
  if (snapshot.state == Status::succeeded && snapshot.data_removed && items_ == 0) {
    steps.emplace_back(StepFailed{"The output of this prediction was no longer available (code: output_unavailable)",
                                  metrics, snapshot.completed_at});
  } else if (snapshot.state == Status::succeeded) {
    steps.emplace_back(StepSucceeded{metrics, snapshot.completed_at});
  } else if (snapshot.state == Status::canceled || snapshot.state == Status::aborted) {
    steps.emplace_back(StepCanceled{snapshot.completed_at, snapshot.state == Status::aborted});
  } else {
    auto error = scrubber_.clean(snapshot.error);
    if (error.empty()) error = strange_end ? "Prediction ended with status " + snapshot.status : "Prediction failed";
    steps.emplace_back(StepFailed{std::move(error), metrics, snapshot.completed_at});
  }
  return steps;
}

/// Logs only grow. Where the upstream has rewritten them (some cut off their beginning), what follows the longest end
/// of ours that they contain is new.
void Progress::add_logs(const std::string& logs, bool final, std::vector<Step>& steps) {
  auto clean = scrubber_.clean(logs);
  if (!final) clean.resize(clean.size() - scrubber_.undecided(clean));
  if (logs_.starts_with(clean)) return;
  std::string fresh;
  if (clean.starts_with(logs_)) {
    fresh = clean.substr(logs_.size());
  } else {
    constexpr std::size_t kAnchor = 200;
    const auto anchor = std::string_view(logs_).substr(logs_.size() - std::min(kAnchor, logs_.size()));
    const auto at = clean.rfind(anchor);
    if (at == std::string::npos && !final) return;
    fresh = at == std::string::npos ? clean : clean.substr(at + anchor.size());
  }
  if (fresh.empty()) return;
  logs_ = std::move(clean);
  steps.emplace_back(StepLog{std::move(fresh)});
}

void Progress::add_output(const Value& output, bool final, std::vector<Step>& steps) {
  const auto* list = output.as_array();
  if (list == nullptr) {
    if (final && !output.is_null() && items_ == 0) {
      steps.emplace_back(item(0, false, output));
      items_ = 1;
    }
    return;
  }
  std::size_t from = items_;
  if (by_stream_) {
    // Texts that came by stream may be cut elsewhere: what is new is what goes beyond the text that is there.
    std::string whole;
    for (const auto& entry : *list) {
      if (entry.as_string() == nullptr) return;
      whole += *entry.as_string();
    }
    const auto text = scrubber_.clean_output(std::move(whole));
    if (text.size() <= joined_.size() || !text.starts_with(joined_)) return;
    steps.emplace_back(StepItem{items_++, true, json::dump(Value(text.substr(joined_.size()))), {}});
    joined_ = text;
    return;
  }
  for (; from < list->size(); ++from) {
    steps.emplace_back(item(from, true, (*list)[from]));
    if (const auto* text = (*list)[from].as_string()) joined_ += *text;
  }
  items_ = std::max(items_, list->size());
}

bool Progress::is_file(const std::string& text) const {
  return is_data_url(text) || (upstream_.rehost && is_output_url(upstream_, text));
}

/// A link that the operator wants clients to have as it is, even where it lies at the upstream's own address. Whatever
/// else it holds (a token, above all) is none of theirs.
bool Progress::passes_on(const std::string& text) const {
  if (upstream_.rehost || !is_output_url(upstream_, text)) return false;
  const auto path = text.find('/', text.find("://") + 3);
  return path == std::string::npos || scrubber_.clean_output(text.substr(path)) == text.substr(path);
}

/// As json::append, but for files.
void Progress::append(std::string& out, const Value& value, std::vector<std::string>& files) const {
  if (const auto* text = value.as_string()) {
    if (is_file(*text)) {
      out += domain::file_placeholder(files.size());
      files.push_back(*text);
    } else {
      append_json_string(out, passes_on(*text) ? *text : scrubber_.clean_output(*text));
    }
  } else if (const auto* list = value.as_array()) {
    out += '[';
    for (const auto& entry : *list) {
      if (out.back() != '[') out += ',';
      append(out, entry, files);
    }
    out += ']';
  } else if (const auto* object = value.as_object()) {
    out += '{';
    for (const auto& [name, member] : *object) {
      if (out.back() != '{') out += ',';
      append_json_string(out, scrubber_.clean_output(name));
      out += ':';
      append(out, member, files);
    }
    out += '}';
  } else {
    json::append(out, value);
  }
}

StepItem Progress::item(std::size_t index, bool list, const Value& value) const {
  StepItem step{index, list, {}, {}};
  append(step.json, value, step.files);
  return step;
}

}  // namespace hekto::runners::replicate
