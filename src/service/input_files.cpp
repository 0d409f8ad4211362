// SPDX-License-Identifier: Apache-2.0
#include "service/input_files.h"

#include <algorithm>

#include "base/text.h"
#include "domain/data_url.h"
#include "domain/delivery.h"
#include "domain/file.h"
#include "domain/media_type.h"
#include "json/value_json.h"

namespace hekto::service {
namespace {

/// The bytes of a data: URL.
class MemoryFile final : public ports::StoredFile {
 public:
  explicit MemoryFile(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  int descriptor() const override { return -1; }
  async::Task<Result<std::string>> read(std::uint64_t offset, std::size_t length) override {
    const auto from = static_cast<std::size_t>(std::min<std::uint64_t>(offset, bytes_.size()));
    co_return bytes_.substr(from, length);
  }

 private:
  const std::string bytes_;
};

/// Errors name the place as those of input validation do: "input.images.0".
std::unexpected<Error> unusable(std::string pointer, std::string_view why) {
  std::ranges::replace(pointer, '/', '.');
  return fail(ErrorCode::invalid_input, "Input file input" + pointer + " cannot be used: " + std::string(why));
}

/// "/images/0" -> "images-0.png".
std::string name_for(std::string_view pointer, std::string_view content_type) {
  std::string name(pointer.substr(std::min<std::size_t>(1, pointer.size())));
  std::ranges::replace(name, '/', '-');
  return domain::clean_file_name(name + std::string(domain::ending_of(content_type)));
}

Result<ports::InputFile> from_data_url(const domain::Schema::Uri& uri) {
  auto data = domain::parse_data_url(uri.text);
  if (!data) return unusable(uri.pointer, data.error().message);
  ports::InputFile file;
  file.pointer = uri.pointer;
  file.content_type = data->content_type.empty() ? std::string(domain::guess_media_type("", data->bytes))
                                                 : std::move(data->content_type);
  file.name = name_for(uri.pointer, file.content_type);
  file.content = std::make_shared<MemoryFile>(std::move(data->bytes));
  return file;
}

async::Task<Result<ports::InputFile>> from_upload(const InputSources& sources, const std::string& account,
                                                  std::string pointer, std::string id) {
  constexpr std::string_view kMissing = "the file does not exist or has expired";
  auto row = co_await sources.store.find_file(std::move(id));
  if (!row && row.error().code != ErrorCode::not_found) co_return std::unexpected(row.error());
  // Another account's file is told from an unknown one by nothing.
  if (!row || row->account != account || domain::is_expired(*row, sources.clock.now())) {
    co_return unusable(pointer, kMissing);
  }
  auto content = co_await sources.files.open({row->id, row->sha256});
  if (!content && content.error().code == ErrorCode::not_found) co_return unusable(pointer, kMissing);
  if (!content) co_return std::unexpected(content.error());
  if ((*content)->size() != row->size) co_return fail(ErrorCode::storage, "an uploaded file is damaged");
  co_return ports::InputFile{std::move(pointer), std::move(row->name), std::move(row->content_type),
                             std::move(*content), std::move(row->sha256)};
}

/// Whoever has a link may read what it opens, whatever the account, here as at its address.
async::Task<Result<ports::InputFile>> from_link(const InputSources& sources, std::string pointer, domain::Link link,
                                                std::string name) {
  constexpr std::string_view kMissing = "the link is not valid or has expired";
  const auto prediction = co_await sources.store.find_prediction(link.prediction_id);
  if (!prediction && prediction.error().code != ErrorCode::not_found) co_return std::unexpected(prediction.error());
  if (!prediction) co_return unusable(pointer, kMissing);
  const auto found = domain::delivered_file(*prediction, link, name, sources.clock.now(), sources.link_lifetime);
  if (!found) co_return unusable(pointer, kMissing);
  const domain::OutputFile& file = **found;
  auto content = co_await sources.files.open({prediction->id, file.sha256});
  if (!content && content.error().code == ErrorCode::not_found) co_return unusable(pointer, kMissing);
  if (!content) co_return std::unexpected(content.error());
  if ((*content)->size() != file.size) co_return fail(ErrorCode::storage, "an output file is damaged");
  co_return ports::InputFile{std::move(pointer), file.name, file.content_type, std::move(*content), file.sha256};
}

async::Task<Result<ports::InputFile>> from_network(InputFetcher& fetcher, std::string pointer, std::string url,
                                                   std::size_t max_bytes, async::StopToken stop) {
  auto fetched = co_await fetcher.fetch(std::move(url), max_bytes, std::move(stop));
  if (!fetched && fetched.error().code == ErrorCode::invalid_input) {
    co_return unusable(pointer, "it could not be fetched: " + fetched.error().message);
  }
  if (!fetched) co_return std::unexpected(fetched.error());
  auto name = fetched->name.empty() ? name_for(pointer, fetched->content_type) : std::move(fetched->name);
  co_return ports::InputFile{std::move(pointer), std::move(name), std::move(fetched->content_type),
                             std::move(fetched->content)};
}

/// The link that a URL is, if it is one of ours.
std::optional<std::pair<domain::Link, std::string>> own_link(const InputSources& sources, std::string_view url) {
  if (sources.links == nullptr) return std::nullopt;
  auto parts = domain::delivery_url(url);
  if (!parts) return std::nullopt;
  const auto link = sources.links->verify(parts->token);
  if (!link) return std::nullopt;
  return std::pair(*link, std::move(parts->name));
}

bool is_web_url(std::string_view url) {
  return iequals(url.substr(0, 7), "http://") || iequals(url.substr(0, 8), "https://");
}

/// Every string of `value` with the JSON Pointer to it.
void collect_texts(const domain::Value& value, const std::string& pointer, std::vector<domain::Schema::Uri>& texts) {
  if (const auto* text = value.as_string()) {
    texts.push_back({pointer, *text});
  } else if (const auto* list = value.as_array()) {
    for (std::size_t i = 0; i < list->size(); ++i) collect_texts((*list)[i], pointer + "/" + std::to_string(i), texts);
  } else if (const auto* object = value.as_object()) {
    for (const auto& [name, member] : *object) {
      std::string step = pointer + "/";
      for (const char c : name) step += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
      collect_texts(member, step, texts);
    }
  }
}

/// Adds a file to those found, within the limits.
Result<void> take(const InputLimits& limits, ports::InputFile file, std::uint64_t& total,
                  std::vector<ports::InputFile>& found) {
  const auto taken = [&](const std::string& pattern) { return domain::fits_media_type(file.content_type, pattern); };
  if (std::ranges::none_of(limits.types, taken)) {
    return unusable(file.pointer, "this server takes no files of type " + file.content_type);
  }
  total += file.content->size();
  if (total > limits.max_bytes) {
    return unusable(file.pointer,
                    "the files of one prediction may have " + std::to_string(limits.max_bytes) + " bytes together");
  }
  found.push_back(std::move(file));
  return {};
}

std::unexpected<Error> too_many(const InputLimits& limits, const std::string& pointer) {
  return unusable(pointer, "one prediction may have " + std::to_string(limits.max_count) + " input files");
}

}  // namespace

bool may_name_held_files(std::string_view input) {
  // A slash may be written as "\/" and any letter as an escape, so that only what every spelling has is looked for.
  if (input.find('\\') != std::string_view::npos) return input.find(':') != std::string_view::npos;
  return input.find("/files/") != std::string_view::npos || input.find("/delivery/") != std::string_view::npos;
}

async::Task<Result<std::vector<ports::InputFile>>> held_files(const InputSources& sources, const InputLimits& limits,
                                                              const std::string& account, const std::string& input) {
  std::vector<ports::InputFile> found;
  if (!may_name_held_files(input)) co_return found;
  const auto parsed = json::parse(input);
  if (!parsed) co_return found;
  std::vector<domain::Schema::Uri> texts;
  collect_texts(*parsed, "", texts);
  std::uint64_t total = 0;
  for (const auto& uri : texts) {
    if (!is_web_url(uri.text)) continue;
    Result<ports::InputFile> file;
    if (auto id = domain::file_id_of_url(uri.text)) {
      file = co_await from_upload(sources, account, uri.pointer, std::move(*id));
    } else if (auto own = own_link(sources, uri.text)) {
      file = co_await from_link(sources, uri.pointer, own->first, std::move(own->second));
    } else {
      continue;
    }
    if (!file) co_return std::unexpected(file.error());
    if (found.size() == limits.max_count) co_return too_many(limits, uri.pointer);
    if (auto taken = take(limits, std::move(*file), total, found); !taken) co_return std::unexpected(taken.error());
  }
  co_return found;
}

async::Task<Result<std::vector<ports::InputFile>>> input_files(const InputSources& sources, const InputLimits& limits,
                                                               const std::string& account, const domain::Schema& schema,
                                                               const domain::Value& input, async::StopToken stop) {
  std::vector<ports::InputFile> found;
  std::uint64_t total = 0;
  for (const auto& uri : schema.uris(input)) {
    Result<ports::InputFile> file;
    if (found.size() == limits.max_count) co_return too_many(limits, uri.pointer);
    if (domain::is_data_url(uri.text)) {
      file = from_data_url(uri);
    } else if (auto id = domain::file_id_of_url(uri.text)) {
      file = co_await from_upload(sources, account, uri.pointer, std::move(*id));
    } else if (auto own = own_link(sources, uri.text)) {
      file = co_await from_link(sources, uri.pointer, own->first, std::move(own->second));
    } else if (sources.fetcher != nullptr && is_web_url(uri.text)) {
      file = co_await from_network(*sources.fetcher, uri.pointer, std::string(uri.text),
                                   limits.max_bytes - static_cast<std::size_t>(total), stop);
    } else {
      continue;
    }
    if (!file) co_return std::unexpected(file.error());
    if (auto taken = take(limits, std::move(*file), total, found); !taken) co_return std::unexpected(taken.error());
  }
  co_return found;
}

}  // namespace hekto::service
