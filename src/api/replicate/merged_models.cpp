// SPDX-License-Identifier: Apache-2.0
#include "api/replicate/merged_models.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "api/replicate/remote.h"
#include "base/encoding.h"
#include "base/json_text.h"
#include "base/text.h"
#include "json/value_json.h"

namespace hekto::api {
namespace {

constexpr std::string_view kTag = "own.";
/// Pages of the upstream that are read for one of ours: some hold nothing that is shown.
constexpr int kMaxPages = 4;

/// "<micros of ours>|<name of ours>|<taken>|<e or m>|<page>"
std::string place_text(const MergedPlace& place) {
  std::string out;
  if (place.ours)
    out = std::to_string(to_micros(place.ours->created_at)) + "|" + place.ours->id;
  else
    out = "|";
  return out + "|" + std::to_string(place.taken) + (place.ended ? "|e|" : "|m|") + place.page;
}

template <class Number>
bool read_number(std::string_view text, Number& into) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into);
  return error == std::errc() && end == text.data() + text.size();
}

std::optional<MergedPlace> read_place(std::string_view text) {
  MergedPlace place;
  const auto time = take_until(text, '|');
  const auto name = take_until(text, '|');
  const auto taken = take_until(text, '|');
  const auto state = take_until(text, '|');
  std::int64_t micros = 0;
  if (!time.empty() && !read_number(time, micros)) return std::nullopt;
  if (!time.empty()) place.ours = ports::Position{from_micros(micros), std::string(name)};
  if (!read_number(taken, place.taken) || (state != "e" && state != "m")) return std::nullopt;
  place.ended = state == "e";
  place.page = text;
  return place;
}

std::string sorting_of(const MergedCursor& cursor) {
  ModelListRequest request;
  request.by_creation = cursor.by_creation;
  request.ascending = cursor.ascending;
  return sorting_query(request);
}

/// Where a model of the upstream stands in the order; nullopt when it does not say.
std::optional<ports::Position> place_of(const domain::Value& model, bool by_creation) {
  const auto* latest = model.find("latest_version");
  auto text = by_creation || latest == nullptr ? std::string_view() : latest->text_of("created_at");
  if (text.empty()) text = model.text_of("created_at");
  const auto time = parse_time(text);
  if (!time) return std::nullopt;
  return ports::Position{*time, std::string(model.text_of("owner")) + "/" + std::string(model.text_of("name"))};
}

/// One page of the upstream's.
struct TheirPage {
  domain::Value::Array models;
  std::string next;  ///< query of the page after it; empty: there is none
};

}  // namespace

std::string write_merged_cursor(const MergedCursor& cursor) {
  std::string text(cursor.by_creation ? "m" : "v");
  text += cursor.ascending ? "a\n" : "d\n";
  text += place_text(cursor.from);
  if (cursor.before) text += "\n" + place_text(*cursor.before);
  return std::string(kTag) + base64url_encode(text);
}

bool is_merged_cursor(std::string_view text) { return text.starts_with(kTag); }

Result<MergedCursor> read_merged_cursor(std::string_view text) {
  const auto bad = [] { return fail(ErrorCode::invalid_input, "Invalid cursor"); };
  if (!is_merged_cursor(text)) return bad();
  const auto decoded = base64url_decode(text.substr(kTag.size()));
  if (!decoded) return bad();
  std::string_view rest = *decoded;
  const auto sorting = take_until(rest, '\n');
  if (sorting != "va" && sorting != "vd" && sorting != "ma" && sorting != "md") return bad();
  MergedCursor cursor;
  cursor.by_creation = sorting[0] == 'm';
  cursor.ascending = sorting[1] == 'a';
  const bool has_before = rest.find('\n') != std::string_view::npos;
  const auto from = read_place(take_until(rest, '\n'));
  if (has_before) cursor.before = read_place(rest);
  if (!from || (has_before && !cursor.before)) return bad();
  cursor.from = *from;
  return cursor;
}

async::Task<http::Response> merged_models(const Api& api, const Call& call, MergedCursor cursor,
                                          std::vector<ListedModel> ours) {
  const auto place = [&cursor](const ListedModel& model) {
    return ports::Position{cursor.by_creation ? model.created_at : model.latest_version_at, model.name};
  };
  const auto is_before = [&cursor](const ports::Position& a, const ports::Position& b) {
    return is_listed_before(cursor.ascending, a, b);
  };
  std::ranges::sort(ours, is_before, place);
  if (cursor.from.ours) {
    std::erase_if(ours, [&](const ListedModel& model) { return !is_before(*cursor.from.ours, place(model)); });
  }
  auto at = cursor.from;
  std::optional<TheirPage> theirs;
  std::string results;
  std::size_t count = 0;
  auto next_of_ours = ours.begin();
  const auto add = [&](auto&& write) {
    if (count++ > 0) results += ',';
    write(results);
  };
  for (int pages = 0; count < kModelsPerPage;) {
    if (!at.ended && !theirs) {
      if (pages++ == kMaxPages) break;
      auto answer = co_await remote_document(
          api, call.urls, "GET", at.page.empty() ? "/models" + sorting_of(cursor) : "/models?" + at.page, {});
      const auto list = value_of(answer);
      const auto* models = list ? list->find("results") : nullptr;
      if (models == nullptr || models->as_array() == nullptr) co_return answer;
      const auto next = list->text_of("next");
      const auto query = next.find('?');
      theirs = TheirPage{*models->as_array(),
                         query == std::string_view::npos ? std::string() : std::string(next.substr(query + 1))};
    }
    if (!at.ended && at.taken >= theirs->models.size()) {
      at.ended = theirs->next.empty();
      at.page = std::move(theirs->next);
      at.taken = 0;
      theirs.reset();
      continue;
    }
    const bool have_ours = next_of_ours != ours.end();
    if (at.ended && !have_ours) break;
    const auto* model = at.ended ? nullptr : &theirs->models[at.taken];
    const auto their_place = model != nullptr ? place_of(*model, cursor.by_creation) : std::nullopt;
    if (have_ours && (!their_place || is_before(place(*next_of_ours), *their_place))) {
      at.ours = place(*next_of_ours);
      add(next_of_ours->write);
      ++next_of_ours;
    } else {
      add([model](std::string& out) { json::append(out, *model); });
      ++at.taken;
    }
  }
  const bool more = next_of_ours != ours.end() ||
                    (!at.ended && (!theirs || at.taken < theirs->models.size() || !theirs->next.empty()));
  const auto append_url = [&](std::string& out, const std::optional<MergedPlace>& to,
                              const std::optional<MergedPlace>& before) {
    if (!to) {
      out += "null";
      return;
    }
    MergedCursor link{cursor.by_creation, cursor.ascending, *to, before};
    std::string url(call.urls.origin);
    url.append(call.urls.mount).append("/models?cursor=").append(write_merged_cursor(link));
    append_json_string(out, url);
  };
  std::string text = R"({"next":)";
  append_url(text, more ? std::optional(at) : std::nullopt, cursor.from);
  text += R"(,"previous":)";
  append_url(text, cursor.before, std::nullopt);
  text.append(R"(,"results":[)").append(results).append("]}");
  http::Response response;
  response.body = std::move(text);
  co_return response;
}

}  // namespace hekto::api
