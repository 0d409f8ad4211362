// SPDX-License-Identifier: Apache-2.0
#include "cli/save_output.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "base/encoding.h"
#include "base/text.h"
#include "domain/media_type.h"

namespace hekto::cli {
namespace {

constexpr std::size_t kMaxNameLength = 100;
constexpr int kMaxTries = 10'000;

bool has_scheme(std::string_view text, std::string_view scheme) {
  return text.size() > scheme.size() && iequals(text.substr(0, scheme.size()), scheme);
}

/// The media type and bytes of a data: URL.
struct DataUrl {
  std::string type;
  std::string bytes;
};
Result<DataUrl> decode_data_url(std::string_view url) {
  const auto bad = [] { return fail(ErrorCode::upstream, "the output contains a malformed data URL"); };
  url.remove_prefix(std::string_view("data:").size());
  const auto comma = url.find(',');
  if (comma == std::string_view::npos) return bad();
  auto type = url.substr(0, comma);
  const bool is_base64 = type.ends_with(";base64");
  if (is_base64) type.remove_suffix(std::string_view(";base64").size());
  const auto body = url.substr(comma + 1);
  auto bytes = is_base64 ? base64_decode(body) : percent_decode(body, false);
  if (!bytes) return bad();
  return DataUrl{std::string(type), std::move(*bytes)};
}

void collect(const domain::Value& value, std::vector<std::string>& urls) {
  if (const auto* text = value.as_string(); text != nullptr && is_file_url(*text)) urls.push_back(*text);
  if (const auto* items = value.as_array()) {
    for (const auto& item : *items) collect(item, urls);
  }
  if (const auto* members = value.as_object()) {
    for (const auto& [name, member] : *members) collect(member, urls);
  }
}

std::unexpected<Error> disk_error(const std::filesystem::path& path, int error) {
  return fail(ErrorCode::storage, "cannot write " + path.string() + ": " + std::strerror(error));
}

}  // namespace

bool is_file_url(std::string_view text) {
  return has_scheme(text, "https://") || has_scheme(text, "http://") ||
         (has_scheme(text, "data:") && text.find(',') != std::string_view::npos);
}

std::vector<std::string> file_urls(const domain::Value& output) {
  std::vector<std::string> urls;
  collect(output, urls);
  return urls;
}

std::string safe_file_name(std::string_view url) {
  if (has_scheme(url, "data:")) {
    return "output" + std::string(domain::ending_of(url.substr(5, url.find_first_of(";,") - 5)));
  }
  url = url.substr(0, url.find_first_of("?#"));
  if (const auto scheme = url.find("://"); scheme != std::string_view::npos) {
    const auto path = url.find('/', scheme + 3);
    url = path == std::string_view::npos ? std::string_view{} : url.substr(path);
  }
  const auto segment = url.substr(url.rfind('/') + 1);
  auto name = percent_decode(segment, false).value_or(std::string(segment));
  for (char& c : name) {
    const char l = ascii_lower(c);
    const bool is_plain = (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!is_plain) c = '_';
  }
  if (name.starts_with('.')) name.front() = '_';
  if (name.starts_with('-')) name.front() = '_';  // would look like an option to the next program
  if (name.size() > kMaxNameLength) {
    const auto ending = std::filesystem::path(name).extension().string();
    const auto kept = ending.size() <= 10 ? ending : std::string();
    name = name.substr(0, kMaxNameLength - kept.size()) + kept;
  }
  return name.empty() ? "output" : name;
}

Result<NewFile> NewFile::create(const std::filesystem::path& folder, const std::string& name) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) return fail(ErrorCode::storage, "cannot make the folder " + folder.string() + ": " + problem.message());
  const std::filesystem::path plain(name);
  for (int i = 0; i < kMaxTries; ++i) {
    const auto candidate = i == 0 ? name : plain.stem().string() + "-" + std::to_string(i) + plain.extension().string();
    const auto path = folder / candidate;
    const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (descriptor >= 0) return NewFile(path, descriptor);
    if (errno != EEXIST) return disk_error(path, errno);
  }
  return fail(ErrorCode::storage, "too many files called " + name + " in " + folder.string());
}

NewFile::NewFile(NewFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)), failed_(other.failed_) {}

NewFile::~NewFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

bool NewFile::write(std::string_view bytes) {
  while (!bytes.empty() && !failed_) {
    const auto written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (errno != EINTR) {
      failed_ = true;
    }
  }
  return !failed_;
}

Result<void> NewFile::keep() {
  if (failed_) return fail(ErrorCode::storage, "cannot write " + path_.string() + "; is the disk full?");
  // Some file systems report a full disk only here.
  if (::close(std::exchange(descriptor_, -1)) != 0) return disk_error(path_, errno);
  return {};
}

Result<std::filesystem::path> save_file(ApiClient& client, const std::string& url, const std::filesystem::path& folder,
                                        const std::function<bool()>& should_stop) {
  auto file = NewFile::create(folder, safe_file_name(url));
  if (!file) return std::unexpected(file.error());
  if (has_scheme(url, "data:")) {
    const auto data = decode_data_url(url);
    if (!data) return std::unexpected(data.error());
    file->write(data->bytes);
  } else {
    const auto done = client.download(url, [&](std::string_view bytes) { return file->write(bytes); }, should_stop);
    if (!done) return std::unexpected(done.error());
  }
  if (auto kept = file->keep(); !kept) return std::unexpected(kept.error());
  return file->path();
}

}  // namespace hekto::cli
