// SPDX-License-Identifier: Apache-2.0
#include "domain/prediction.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <tuple>

namespace hekto::domain {
namespace {

constexpr std::array<std::string_view, 6> kStatusNames = {"starting", "processing", "succeeded",
                                                          "failed",   "canceled",   "aborted"};
constexpr std::string_view kLogsCut = "\n[logs truncated: over 1 MiB]\n";

Result<Prediction> refuse(const Prediction& p, std::string_view what) {
  return fail(ErrorCode::conflict,
              std::string(what) + " does not fit a prediction that is " + std::string(to_string(p.status)));
}

/// Shifts the placeholders of `json` by `base`, so that they count in the prediction's own list of files.
std::string renumber(const std::string& json, std::size_t base) {
  if (base == 0) return json;
  std::string out;
  for (std::size_t i = 0; i < json.size(); ++i) {
    if (json[i] != '\x01') {
      out += json[i];
      continue;
    }
    const auto end = json.find('\x01', i + 1);
    out += '\x01' + std::to_string(std::stoul(json.substr(i + 1, end - i - 1)) + base) + '\x01';
    i = end;
  }
  return out;
}

void append_logs(std::string& logs, std::string_view text) {
  if (logs.size() >= kMaxLogBytes) return;
  if (logs.size() + text.size() <= kMaxLogBytes - kLogsCut.size()) {
    logs += text;
    return;
  }
  logs += text.substr(0, kMaxLogBytes - kLogsCut.size() - logs.size());
  // A cut inside a character would leave logs that are not UTF-8.
  while (!logs.empty() && (static_cast<unsigned char>(logs.back()) & 0xC0) == 0x80) logs.pop_back();
  if (!logs.empty() && static_cast<unsigned char>(logs.back()) >= 0xC0) logs.pop_back();
  logs += kLogsCut;
  logs.resize(kMaxLogBytes, '\n');
}

Result<Prediction> finish(Prediction p, Status status, Time now) {
  if (is_terminal(p.status)) return refuse(p, to_string(status));
  p.status = status;
  p.completed_at = now;
  return p;
}

void keep_shown(Prediction& p, const std::shared_ptr<const Prediction>& shown) {
  if (!shown || shown->id != p.id || shown->epoch != p.epoch) return;
  if (shown->logs.starts_with(p.logs)) p.logs = shown->logs;
  const auto& items = p.output.items;
  const auto& more = shown->output.items;
  const bool grown = more.size() > items.size() && std::ranges::equal(items, more | std::views::take(items.size()));
  // Files are shown only after their commit: where they differ the two are not of one run.
  if (grown && shown->output.files == p.output.files) p.output = shown->output;
}

/// An upstream that may be at work on it is to be told that it has ended.
void owe_cancel(Prediction& p) {
  if (p.submission) p.submission->cancel_owed = true;
}

struct Apply {
  Prediction p;
  Time now;

  bool is_intended(std::string_view attempt) const {
    return p.submission && p.submission->state == Submission::State::intended && p.submission->attempt == attempt;
  }

  Result<Prediction> operator()(const Claimed&) {
    if (is_terminal(p.status)) return refuse(p, "a claim");
    ++p.epoch;
    if (!p.relay || p.attempts == 0) ++p.attempts;
    return std::move(p);
  }
  Result<Prediction> operator()(const Started& e) {
    if (is_terminal(p.status)) return refuse(p, "a start");
    p.status = Status::processing;
    if (!p.started_at) p.started_at = now;
    if (e.at) p.upstream_times.started = e.at;
    return std::move(p);
  }
  Result<Prediction> operator()(const Logged& e) {
    if (is_terminal(p.status)) return refuse(p, "a log line");
    append_logs(p.logs, e.text);
    return std::move(p);
  }
  Result<Prediction> operator()(const Produced& e) {
    if (p.status != Status::processing) return refuse(p, "output");
    if (e.index < p.output.items.size()) return std::move(p);
    if (e.index > p.output.items.size() || (!p.output.empty() && (!e.list || !p.output.is_list))) {
      return refuse(p, "output out of order");
    }
    p.output.is_list = e.list;
    p.output.items.push_back(renumber(e.json, p.output.files.size()));
    p.output.files.insert(p.output.files.end(), e.files.begin(), e.files.end());
    return std::move(p);
  }
  Result<Prediction> operator()(const Succeeded& e) {
    if (p.status != Status::processing) return refuse(p, "success");
    p.metrics = e.metrics;
    p.upstream_times.completed = e.at;
    return finish(std::move(p), Status::succeeded, now);
  }
  Result<Prediction> operator()(const Failed& e) {
    if (is_terminal(p.status)) return refuse(p, "failure");
    p.error = e.error.empty() ? "Prediction failed" : e.error;
    p.metrics = e.metrics;
    p.upstream_times.completed = e.at;
    if (e.stop_upstream) owe_cancel(p);
    return finish(std::move(p), Status::failed, now);
  }
  Result<Prediction> operator()(const Canceled& e) {
    keep_shown(p, e.shown);
    p.upstream_times.completed = e.at;
    if (!e.by_upstream) owe_cancel(p);
    const Status status = e.aborted && p.status == Status::starting ? Status::aborted : Status::canceled;
    return finish(std::move(p), status, now);
  }
  Result<Prediction> operator()(const DeadlinePassed& e) {
    keep_shown(p, e.shown);
    owe_cancel(p);
    const Status status = p.status == Status::starting ? Status::aborted : Status::canceled;
    return finish(std::move(p), status, now);
  }
  Result<Prediction> operator()(const Submitting& e) {
    if (is_terminal(p.status) || !p.relay || p.submission) return refuse(p, "a submission");
    p.submission = Submission{Submission::State::intended, e.upstream, e.account, e.attempt, now, {}, false, false};
    return std::move(p);
  }
  Result<Prediction> operator()(const Submitted& e) {
    if (!is_intended(e.attempt) || e.remote_id.empty()) return refuse(p, "an accepted submission");
    p.submission->state = Submission::State::accepted;
    p.submission->remote_id = e.remote_id;
    if (is_terminal(p.status)) return std::move(p);
    if (!e.model.empty()) p.model = e.model;
    if (!e.version.empty()) p.version = e.version;
    if (e.stream) p.stream = *e.stream;
    p.upstream_times.created = e.created_at;
    return std::move(p);
  }
  Result<Prediction> operator()(const SubmissionDropped& e) {
    if (!is_intended(e.attempt)) return refuse(p, "a dropped submission");
    p.submission.reset();
    return std::move(p);
  }
  Result<Prediction> operator()(const SubmissionUnknown& e) {
    if (is_terminal(p.status) || !is_intended(e.attempt)) return refuse(p, "an unknown submission");
    p.submission->state = Submission::State::unknown;
    p.error = e.error.empty() ? "Prediction failed" : e.error;
    return finish(std::move(p), Status::failed, now);
  }
  Result<Prediction> operator()(const CancelRelayed& e) {
    if (!is_terminal(p.status) || !p.submission || p.submission->attempt != e.attempt) return refuse(p, "a told end");
    p.submission->cancel_owed = false;
    return std::move(p);
  }
  Result<Prediction> operator()(const SubmissionSettled& e) {
    if (!p.submission || p.submission->state != Submission::State::unknown || p.submission->attempt != e.attempt) {
      return refuse(p, "a settled submission");
    }
    p.submission->settled = true;
    return std::move(p);
  }
  Result<Prediction> operator()(const Purged&) {
    if (!is_terminal(p.status)) return refuse(p, "a purge");
    p.input = "{}";
    p.output = Output{};
    p.logs.clear();
    p.steering.clear();
    p.data_removed = true;
    return std::move(p);
  }
};

double seconds_between(std::optional<Time> from, std::optional<Time> to) {
  return from && to && *to > *from ? to_seconds(*to - *from) : 0;
}

}  // namespace

std::string_view to_string(Status status) { return kStatusNames[static_cast<std::size_t>(status)]; }

std::optional<Status> parse_status(std::string_view text) {
  for (std::size_t i = 0; i < kStatusNames.size(); ++i) {
    if (kStatusNames[i] == text) return static_cast<Status>(i);
  }
  return std::nullopt;
}

std::string file_placeholder(std::size_t index) { return "\"\x01" + std::to_string(index) + "\x01\""; }

double predict_seconds(const Prediction& p) { return seconds_between(p.started_at, p.completed_at); }
double total_seconds(const Prediction& p) { return seconds_between(p.created_at, p.completed_at); }

namespace {

/// A dropped submission ranks below the one that it was: for a moment readers may see it still, which they are not
/// shown the difference of.
int submission_rank(const Prediction& p) {
  if (!p.submission) return 0;
  if (p.submission->state == Submission::State::intended) return 1;
  return p.submission->cancel_owed ? 2 : p.submission->settled ? 4 : 3;
}

}  // namespace

Prediction without_arriving(Prediction p) {
  auto& output = p.output;
  const auto arriving = std::ranges::find_if(output.files, &OutputFile::is_arriving);
  if (arriving == output.files.end()) return p;
  const auto kept = static_cast<std::size_t>(arriving - output.files.begin());
  std::size_t items = 0;
  std::size_t files = 0;
  for (const auto& item : output.items) {
    // A placeholder is marked at both its ends.
    const auto of_item = static_cast<std::size_t>(std::ranges::count(item, '\x01')) / 2;
    if (files + of_item > kept) break;
    files += of_item;
    ++items;
  }
  output.items.resize(items);
  output.files.resize(files);
  return p;
}

bool is_later(const Prediction& a, const Prediction& b) {
  const auto rank = [](const Prediction& p) {
    const auto whole = p.output.files.size() -
                       static_cast<std::size_t>(std::ranges::count_if(p.output.files, &OutputFile::is_arriving));
    return std::tuple(p.data_removed, is_terminal(p.status), p.epoch, p.status != Status::starting,
                      p.output.items.size(), whole, p.logs.size(), submission_rank(p));
  };
  return rank(a) > rank(b);
}

Result<Prediction> apply(Prediction before, const Event& event, Time now) {
  return std::visit(Apply{std::move(before), now}, event);
}

}  // namespace hekto::domain
