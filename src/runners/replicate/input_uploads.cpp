// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/input_uploads.h"

#include <algorithm>
#include <cstring>
#include <unistd.h>

#include "base/encoding.h"
#include "base/hash.h"
#include "base/random.h"
#include "json/value_json.h"
#include "runners/replicate/answer.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using domain::Value;

/// An address is given up so long before the upstream's file goes.
constexpr Duration kMargin = 1h;
/// When the upstream does not say how long it keeps a file.
constexpr Duration kUsualLife = 12h;
constexpr std::size_t kChunk = 1 << 20;
/// A shorter last segment of an address says nothing.
constexpr std::size_t kShortestId = 8;
/// A ring wakes whoever waits; this is for none at all.
constexpr Duration kUntilRung = 1h;

std::unexpected<Error> refused(const std::string& pointer) {
  return fail(ErrorCode::invalid_input, "Input file input" + pointer + " was refused where it was to be used");
}

/// What the keys of an account's uploads begin with.
std::string prefix_of(const Account& account) {
  return account.upstream->options.name + "/" + account.options.name + "/";
}

/// What follows one step of a JSON Pointer in `value`; nullptr when there is nothing.
Value* at(Value& value, const std::string& pointer) {
  Value* here = &value;
  for (std::size_t from = 1; here != nullptr && from <= pointer.size();) {
    const auto end = std::min(pointer.find('/', from), pointer.size());
    std::string step;
    for (std::size_t i = from; i < end; ++i) {
      const bool escaped = pointer[i] == '~' && i + 1 < end;
      step += escaped ? (pointer[++i] == '0' ? '~' : '/') : pointer[i];
    }
    Value* next = nullptr;
    if (auto* object = here->as_object()) {
      for (auto& [name, member] : *object) {
        if (name == step) next = &member;
      }
    } else if (auto* list = here->as_array()) {
      const auto index = static_cast<std::size_t>(std::strtoull(step.c_str(), nullptr, 10));
      if (index < list->size()) next = &(*list)[index];
    }
    here = next;
    from = end + 1;
  }
  return here;
}

/// A form with one file, read from the disk as it is sent.
class FormSource final : public ports::BodySource {
 public:
  FormSource(std::string head, std::shared_ptr<ports::StoredFile> file, std::string tail)
      : head_(std::move(head)), file_(std::move(file)), tail_(std::move(tail)) {}
  std::uint64_t size() const override { return head_.size() + file_->size() + tail_.size(); }
  Result<std::size_t> read(std::span<char> room) override {
    const auto from_text = [&](const std::string& text, std::uint64_t start) {
      const auto begin = static_cast<std::size_t>(at_ - start);
      const auto count = std::min(room.size(), text.size() - begin);
      std::memcpy(room.data(), text.data() + begin, count);
      at_ += count;
      return count;
    };
    const std::uint64_t file_end = head_.size() + file_->size();
    if (at_ < head_.size()) return from_text(head_, 0);
    if (at_ >= file_end) return from_text(tail_, file_end);
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(room.size(), file_end - at_));
    const auto got = ::pread(file_->descriptor(), room.data(), wanted, static_cast<off_t>(at_ - head_.size()));
    if (got <= 0) return fail(ErrorCode::storage, "an input file cannot be read");
    at_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }

 private:
  const std::string head_;
  const std::shared_ptr<ports::StoredFile> file_;
  const std::string tail_;
  std::uint64_t at_ = 0;
};

async::Task<Result<std::string>> hash_of(ports::StoredFile& file) {
  Sha256 hash;
  for (std::uint64_t at = 0; at < file.size();) {
    auto piece = co_await file.read(at, kChunk);
    if (!piece) co_return std::unexpected(piece.error());
    if (piece->empty()) co_return fail(ErrorCode::storage, "an input file ends too early");
    hash.update(*piece);
    at += piece->size();
  }
  co_return hex_encode(hash.finish());
}

/// As browsers write names into forms: no quote or line break may end the header.
std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') {
      out += "%22";
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace

async::Task<Result<std::string>> InputUploads::replace(AccountPtr account, std::string input,
                                                       std::vector<ports::InputFile> files, async::StopToken stop) {
  auto value = json::parse(input);
  if (!value) co_return std::unexpected(value.error());
  for (auto& file : files) {
    const auto pointer = file.pointer;
    auto url = co_await url_of(account, std::move(file), stop);
    if (!url) co_return std::unexpected(url.error());
    if (Value* place = at(*value, pointer)) *place = Value(std::move(*url));
  }
  co_return json::dump(*value);
}

async::Task<Result<std::string>> InputUploads::url_of(AccountPtr account, ports::InputFile file,
                                                      async::StopToken stop) {
  std::string hash = file.sha256;
  if (hash.empty()) {
    auto made = co_await hash_of(*file.content);
    if (!made) co_return std::unexpected(made.error());
    hash = std::move(*made);
  }
  const auto key = prefix_of(*account) + hash + "/" + file.content_type + "/" + file.name;
  const auto bell = std::make_shared<async::Bell>();
  const async::StopCallback on_stop(stop, [bell] { bell->ring(); });
  for (;;) {
    std::shared_ptr<Flight> flight;
    {
      std::scoped_lock lock(mutex_);
      const auto known = uploaded_.find(key);
      if (known != uploaded_.end() && known->second.until > clock_.now()) co_return known->second.url;
      const auto under_way = flights_.find(key);
      if (under_way != flights_.end()) {
        flight = under_way->second;
        flight->bells.push_back(bell);
      } else {
        flights_.emplace(key, std::make_shared<Flight>());
      }
    }
    if (!flight) {
      auto uploaded = co_await lead(key, account, file, stop);
      if (!uploaded) co_return std::unexpected(uploaded.error());
      co_return uploaded->url;
    }
    co_await bell->wait(kUntilRung);
    std::scoped_lock lock(mutex_);
    if (stop.stop_requested()) co_return fail(ErrorCode::canceled, "stopped");
    const auto& outcome = flight->outcome;
    if (!outcome) continue;
    if (*outcome) co_return (*outcome)->url;
    // What the upstream refuses once it refuses again; anything else may be the fate of that one attempt.
    if (outcome->error().code == ErrorCode::invalid_input) co_return refused(file.pointer);
  }
}

async::Task<Result<InputUploads::Uploaded>> InputUploads::lead(std::string key, AccountPtr account,
                                                               ports::InputFile file, async::StopToken stop) {
  auto uploaded = co_await upload(std::move(account), std::move(file), std::move(stop));
  std::scoped_lock lock(mutex_);
  if (uploaded) keep(key, *uploaded);
  const auto flight = flights_.extract(key).mapped();
  flight->outcome = uploaded;
  for (const auto& bell : flight->bells) bell->ring();
  co_return uploaded;
}

void InputUploads::keep(const std::string& key, Uploaded uploaded) {
  uploaded_.insert_or_assign(key, std::move(uploaded));
  if (uploaded_.size() <= kept_) return;
  std::erase_if(uploaded_, [now = clock_.now()](const auto& entry) { return entry.second.until <= now; });
  while (uploaded_.size() > kept_) {
    uploaded_.erase(std::ranges::min_element(uploaded_, {}, [](const auto& entry) { return entry.second.until; }));
  }
}

bool InputUploads::forget_named(const AccountPtr& account, std::string_view text) {
  const auto prefix = prefix_of(*account);
  bool named = false;
  std::scoped_lock lock(mutex_);
  for (auto it = uploaded_.lower_bound(prefix); it != uploaded_.end() && it->first.starts_with(prefix);) {
    // By its id alone: the address before it is taken out of what an upstream says.
    const auto id = std::string_view(it->second.url).substr(it->second.url.rfind('/') + 1);
    const bool is_named = id.size() >= kShortestId && text.find(id) != std::string_view::npos;
    it = is_named ? uploaded_.erase(it) : std::next(it);
    named = named || is_named;
  }
  return named;
}

async::Task<Result<InputUploads::Uploaded>> InputUploads::upload(AccountPtr account, ports::InputFile file,
                                                                 async::StopToken stop) {
  if (auto allowed = co_await pool_.take_other(account, stop); !allowed) co_return std::unexpected(allowed.error());
  const auto boundary = "hekto-" + hex_encode(random_string_bytes(16));
  auto head = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"content\"; filename=" + quoted(file.name) +
              "\r\nContent-Type: " + file.content_type + "\r\n\r\n";
  auto tail = "\r\n--" + boundary + "--\r\n";
  ports::HttpRequest request;
  request.method = "POST";
  request.url = account->upstream->options.url + "/v1/files";
  request.headers = {{"Authorization", "Bearer " + account->options.token.reveal()},
                     {"Content-Type", "multipart/form-data; boundary=" + boundary}};
  request.limit = 10min;
  request.stop = stop;
  if (file.content->descriptor() >= 0) {
    request.source = std::make_shared<FormSource>(std::move(head), file.content, std::move(tail));
  } else {
    auto bytes = co_await file.content->read(0, static_cast<std::size_t>(file.content->size()));
    if (!bytes) co_return std::unexpected(bytes.error());
    request.body = std::move(head) + *bytes + std::move(tail);
  }
  const auto reply = co_await http_.send(std::move(request));
  if (!reply) co_return std::unexpected(reply.error());
  if (reply->status == 429) pool_.throttle_others(account, retry_after(*reply));
  if (reply->status == 413 || reply->status == 415 || reply->status == 422) {
    co_return refused(file.pointer);
  }
  const auto body = json::parse(reply->body);
  const auto* urls = body ? body->find("urls") : nullptr;
  const auto url = urls != nullptr ? urls->text_of("get") : std::string_view{};
  if (reply->status < 200 || reply->status >= 300 || url.empty()) {
    co_return fail(ErrorCode::unavailable, "the upstream answered an upload with " + std::to_string(reply->status));
  }
  const auto expires = parse_time(body->text_of("expires_at"));
  co_return Uploaded{std::string(url), (expires ? *expires : clock_.now() + kUsualLife) - kMargin};
}

}  // namespace hekto::runners::replicate
