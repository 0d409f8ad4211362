// SPDX-License-Identifier: Apache-2.0
#include "json/prediction_json.h"

#include <charconv>

#include "base/json_text.h"
#include "base/text.h"
#include "json/value_json.h"

namespace hekto::json {
namespace {

void append_member(std::string& out, std::string_view name, std::string_view text) {
  out.append(",\"").append(name).append("\":");
  append_json_string(out, text);
}

void append_time_member(std::string& out, std::string_view name, const std::optional<Time>& t) {
  if (!t) return;
  out.append(",\"").append(name).append("\":\"");
  append_time(out, *t);
  out += '"';
}

/// Copies an item, putting URLs where the placeholders stand (domain::Output).
void append_item(std::string& out, const domain::Prediction& p, const std::string& item, const UrlContext& urls) {
  std::size_t done = 0;
  for (std::size_t at = item.find('\x01'); at != std::string::npos; at = item.find('\x01', done)) {
    out.append(item, done, at - done);
    const std::size_t end = item.find('\x01', at + 1);
    std::size_t index = 0;
    std::from_chars(item.data() + at + 1, item.data() + end, index);
    if (index < p.output.files.size()) append_json_escaped(out, delivery_url(p, index, urls));
    done = end + 1;
  }
  out.append(item, done);
}

/// The version is named in full, which one client's parser needs.
void append_training_output(std::string& out, const domain::Prediction& p, const UrlContext& urls) {
  if (p.status != domain::Status::succeeded || p.data_removed) {
    out += "null";
    return;
  }
  out += R"({"version":)";
  append_json_string(out, p.training->destination + ":" + domain::version_made_by(p.id));
  if (!p.output.empty()) {
    out += R"(,"weights":)";
    append_item(out, p, p.output.items.front(), urls);
  }
  out += '}';
}

void append_output(std::string& out, const domain::Prediction& p, const UrlContext& urls) {
  if (p.training && !p.relay) return append_training_output(out, p, urls);
  if (p.output.empty()) {
    out += "null";
    return;
  }
  if (!p.output.is_list) {
    append_item(out, p, p.output.items.front(), urls);
    return;
  }
  out += '[';
  for (std::size_t i = 0; i < p.output.items.size(); ++i) {
    if (i > 0) out += ',';
    append_item(out, p, p.output.items[i], urls);
  }
  out += ']';
}

void append_webhook(std::string& out, const std::optional<domain::Webhook>& webhook) {
  if (!webhook) return;
  append_member(out, "webhook", webhook->url);
  if (webhook->filter.empty()) return;
  out += R"(,"webhook_events_filter":[)";
  for (const auto event : webhook->filter) {
    if (out.back() != '[') out += ',';
    append_json_string(out, domain::to_string(event));
  }
  out += ']';
}

/// A client that never sent Cancel-After must not see `aborted`; apply() only produces it for a deadline.
void append_object(std::string& out, const domain::Prediction& p, const UrlContext& urls, bool as_created) {
  const bool terminal = !as_created && domain::is_terminal(p.status);
  out.append("{\"id\":\"").append(p.id).append("\"");
  append_member(out, "model", p.model);
  append_member(out, "version", p.version);
  out.append(",\"input\":").append(p.input);
  append_member(out, "logs", as_created ? std::string_view{} : std::string_view(p.logs));
  out += ",\"output\":";
  if (as_created) {
    out += "null";
  } else {
    append_output(out, p, urls);
  }
  out += p.data_removed ? ",\"data_removed\":true,\"error\":" : ",\"data_removed\":false,\"error\":";
  if (p.error && !as_created) {
    append_json_string(out, *p.error);
  } else {
    out += "null";
  }
  out += R"(,"source":"api","status":")";
  out += domain::to_string(as_created ? domain::Status::starting : p.status);
  out += '"';
  const auto& theirs = p.upstream_times;
  append_time_member(out, "created_at", theirs.created ? theirs.created : p.created_at);
  // So long after the creation as the client has asked for, whichever clock that is told by.
  const auto apart = theirs.created ? *theirs.created - p.created_at : Duration{};
  append_time_member(out, "deadline", p.deadline ? std::optional(*p.deadline + apart) : std::nullopt);
  if (!p.deployment.empty()) append_member(out, "deployment", p.deployment);
  if (!as_created) {
    append_time_member(out, "started_at", theirs.started ? theirs.started : p.started_at);
    append_time_member(out, "completed_at", theirs.completed ? theirs.completed : p.completed_at);
  }
  if (terminal && p.relay && !p.metrics.empty()) {
    out.append(R"(,"metrics":{)").append(p.metrics).append("}");
  } else if (terminal) {
    out += R"(,"metrics":{)";
    // Work that never started has no running time to report.
    if (p.started_at) {
      out += R"("predict_time":)";
      append_number(out, domain::predict_seconds(p));
      out += ',';
    }
    out += R"("total_time":)";
    append_number(out, domain::total_seconds(p));
    if (!p.metrics.empty()) out.append(",").append(p.metrics);
    out += '}';
  }
  out += R"(,"urls":{"cancel":")";
  const std::string_view kind = p.training ? "/trainings/" : "/predictions/";
  const auto append_base = [&] { out.append(urls.origin).append(urls.mount).append(kind).append(p.id); };
  append_base();
  out += R"(/cancel","get":")";
  append_base();
  if (p.stream != domain::StreamKind::none) {
    out += R"(","stream":")";
    append_json_escaped(out, stream_url(p, urls));
  }
  out.append(R"(","web":")").append(urls.origin).append("/p/").append(p.id).append("\"}");
  append_webhook(out, p.webhook);
  out += '}';
}

}  // namespace

void append_prediction(std::string& out, const domain::Prediction& p, const UrlContext& urls) {
  out.reserve(out.size() + 1200 + p.input.size() + p.logs.size() * 9 / 8);
  append_object(out, p, urls, false);
}

void append_prediction_as_created(std::string& out, const domain::Prediction& p, const UrlContext& urls) {
  out.reserve(out.size() + 900 + p.input.size());
  append_object(out, p, urls, true);
}

std::string output_item_json(const domain::Prediction& p, std::size_t item, const UrlContext& urls) {
  std::string out;
  append_item(out, p, p.output.items[item], urls);
  return out;
}

std::string delivery_url(const domain::Prediction& p, std::size_t index, const UrlContext& urls) {
  std::string out(urls.origin);
  out += "/delivery/";
  out += urls.signer->token({domain::LinkKind::delivery, p.id, static_cast<std::uint16_t>(index)});
  out += '/';
  out += p.output.files[index].name;
  return out;
}

std::string stream_url(const domain::Prediction& p, const UrlContext& urls) {
  std::string out(urls.origin);
  switch (p.stream) {
    case domain::StreamKind::none:
      return {};
    case domain::StreamKind::text:
      out.append(urls.mount).append("/streams/");
      out += urls.signer->token({domain::LinkKind::text_stream, p.id, 0});
      return out;
    case domain::StreamKind::files:
      out += "/v1/files/";
      out += urls.signer->token({domain::LinkKind::file_stream, p.id, 0});
      return out;
  }
  return {};
}

}  // namespace hekto::json
