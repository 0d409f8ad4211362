// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/progress.h"

#include <algorithm>

#include "base/json_text.h"
#include "base/text.h"
#include "json/value_json.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using domain::Status;
using domain::Value;

/// Of the part of a data: URL that says what it holds.
constexpr std::size_t kMaxType = 256;

/// A file in the output itself. Its type tells it from a text that happens to begin so.
bool is_data_url(std::string_view text) {
  if (!iequals(text.substr(0, 5), "data:")) return false;
  const auto comma = text.substr(0, kMaxType).find(',');
  if (comma == std::string_view::npos) return false;
  const auto type = text.substr(5, comma - 5);
  return type.empty() || (type.find_first_of("/;") != type.npos && type.find_first_of(" \t\r\n") == type.npos);
}

/// The client's name for the model that it trains, or that its version is of; empty when that is no model of ours.
std::string own_model(const domain::Prediction& p) {
  if (p.training && !p.training->base.empty()) return p.training->destination;
  return p.relay && p.relay->kind == domain::RelayTarget::Kind::trained ? p.model : std::string();
}

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

}  // namespace

Progress::Progress(const UpstreamOptions& upstream, const Scrubber& scrubber, const domain::Prediction& delivered)
    : upstream_(upstream),
      scrubber_(scrubber),
      destination_(delivered.training ? delivered.training->destination : std::string()),
      own_(own_model(delivered)),
      started_(delivered.status != Status::starting),
      start_known_(delivered.upstream_times.started.has_value()),
      list_(delivered.output.is_list && !delivered.output.empty()),
      refuses_pieces_(!delivered.output.is_list && !delivered.output.empty()),
      logs_(delivered.logs),
      listed_{PieceCleaner(scrubber)},
      streamed_{PieceCleaner(scrubber)} {
  for (const auto& text : delivered.output.items) {
    const auto value = json::parse(text);
    const auto* words = value ? value->as_string() : nullptr;
    if (words == nullptr) {
      refuses_pieces_ = true;
      listed_.fit = Fit::by_index;
    } else {
      text_ += with_plain_breaks(*words);
    }
    ends_.push_back(text_.size());
  }
}

std::vector<Step> Progress::on_pieces(std::vector<StreamPiece> pieces) {
  std::vector<Step> steps;
  for (auto& [index, text] : pieces) {
    if (!takes_pieces()) break;
    if (index < streamed_.taken) continue;
    if (index > streamed_.taken || is_file(text) || passes_on(text)) {
      refuses_pieces_ = true;
      break;
    }
    ++streamed_.taken;
    for (auto& piece : streamed_.cleaner.push(text)) add_piece(streamed_, std::move(piece), steps);
  }
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
  if (snapshot.state == Status::succeeded && snapshot.data_removed && ends_.empty()) {
    steps.emplace_back(StepFailed{"The output of this prediction was no longer available (code: output_unavailable)",
                                  metrics, snapshot.completed_at});
  } else if (snapshot.state == Status::succeeded) {
    const auto made = destination_.empty() ? std::string_view() : snapshot.output.text_of("version");
    steps.emplace_back(StepSucceeded{metrics, snapshot.completed_at, std::string(made)});
  } else if (snapshot.state == Status::canceled || snapshot.state == Status::aborted) {
    steps.emplace_back(StepCanceled{snapshot.completed_at, snapshot.state == Status::aborted});
  } else {
    auto error = scrubber_.clean(with_own_name(snapshot.error, true));
    if (error.empty()) error = strange_end ? "Prediction ended with status " + snapshot.status : "Prediction failed";
    steps.emplace_back(StepFailed{std::move(error), metrics, snapshot.completed_at});
  }
  return steps;
}

/// Logs only grow. Where the upstream has rewritten them (some cut off their beginning), what follows the longest end
/// of ours that they contain is new.
void Progress::add_logs(const std::string& logs, bool final, std::vector<Step>& steps) {
  auto clean = scrubber_.clean(with_own_name(logs, final));
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
    if (!output.is_null()) refuses_pieces_ = true;
    if (final && !output.is_null() && ends_.empty()) {
      steps.emplace_back(item(0, false, destination_.empty() ? output : renamed(output)));
      ends_.push_back(0);
    }
    return;
  }
  list_ = true;
  for (; listed_.taken < list->size(); ++listed_.taken) {
    const auto& entry = (*list)[listed_.taken];
    const auto* text = entry.as_string();
    if (text != nullptr && !is_file(*text) && !passes_on(*text)) {
      for (auto& piece : listed_.cleaner.push(*text)) add_piece(listed_, std::move(piece), steps);
    } else {
      for (auto& piece : listed_.cleaner.finish()) add_piece(listed_, std::move(piece), steps);
      add_value(entry, steps);
    }
  }
  if (!final) return;
  for (auto& piece : listed_.cleaner.finish()) add_piece(listed_, std::move(piece), steps);
}

void Progress::add_piece(Way& way, std::string piece, std::vector<Step>& steps) {
  const auto index = way.pieces++;
  const auto plain = with_plain_breaks(piece);
  const auto there = std::string_view(text_).substr(std::min(way.at, text_.size()));
  if (way.fit == Fit::same && index < ends_.size()) {
    if (there.substr(0, ends_[index] - way.at) == plain) {
      way.at = ends_[index];
      return;
    }
    way.fit = there.starts_with(plain) || plain.starts_with(there) ? Fit::cut : Fit::by_index;
  }
  if (way.fit == Fit::cut) {
    const auto known = std::min(there.size(), plain.size());
    way.at += plain.size();
    if (&way == &streamed_ && there.substr(0, known) != std::string_view(plain).substr(0, known)) {
      refuses_pieces_ = true;
    } else if (known < plain.size()) {
      add_text(piece.substr(unbroken_offset(piece, known)), std::string_view(plain).substr(known), steps);
    }
    return;
  }
  if (way.fit == Fit::by_index && &way == &streamed_) refuses_pieces_ = true;
  if (way.fit == Fit::by_index && (&way == &streamed_ || index < ends_.size())) return;
  add_text(std::move(piece), plain, steps);
  way.at = text_.size();
}

/// An item that is no text, or a link: from here on they are told by their index.
void Progress::add_value(const Value& value, std::vector<Step>& steps) {
  refuses_pieces_ = true;
  listed_.fit = Fit::by_index;
  if (listed_.pieces++ < ends_.size()) return;
  steps.emplace_back(item(ends_.size(), true, value));
  ends_.push_back(text_.size());
}

void Progress::add_text(std::string text, std::string_view plain, std::vector<Step>& steps) {
  steps.emplace_back(StepItem{ends_.size(), true, json::dump(Value(std::move(text))), {}});
  text_ += plain;
  ends_.push_back(text_.size());
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

std::string Progress::with_own_name(std::string text, bool final) const {
  if (own_.empty()) return text;
  // A name that has not come whole yet is kept back.
  if (!final) text.resize(text.find_last_of(" \t\r\n") + 1);
  const auto theirs = "/" + training_model_name(own_);
  for (std::size_t at = 0; (at = text.find(theirs, at)) != std::string::npos; at += own_.size()) {
    const auto end = at + theirs.size();
    while (at > 0 && is_name(text[at - 1])) --at;
    text.replace(at, end - at, own_);
  }
  return text;
}

Value Progress::renamed(const Value& output) const {
  auto out = output;
  if (auto* object = out.as_object()) {
    for (auto& [name, member] : *object) {
      const auto* text = name == "version" ? member.as_string() : nullptr;
      const auto colon = text != nullptr ? text->rfind(':') : std::string::npos;
      if (colon != std::string::npos) member = Value(destination_ + text->substr(colon));
    }
  }
  return out;
}

StepItem Progress::item(std::size_t index, bool list, const Value& value) const {
  StepItem step{index, list, {}, {}};
  append(step.json, value, step.files);
  return step;
}

}  // namespace hekto::runners::replicate
