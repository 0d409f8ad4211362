// SPDX-License-Identifier: Apache-2.0
#include "runners/replicate/remote_catalog.h"

#include <algorithm>

#include "base/text.h"
#include "json/value_json.h"
#include "runners/replicate/answer.h"
#include "runners/replicate/routes.h"

namespace hekto::runners::replicate {
namespace {

using namespace std::chrono_literals;
using domain::Value;

/// Versions that are remembered by their model.
constexpr std::size_t kMaxVersions = 100'000;

/// "owner/name" of a path such as "/models/owner/name/versions"; empty for others.
std::string_view model_in(std::string_view path) {
  constexpr std::string_view kModels = "/models/";
  if (!path.starts_with(kModels)) return {};
  path = path.substr(kModels.size(),
                     path.find('?') == std::string_view::npos ? path.npos : path.find('?') - kModels.size());
  const auto slash = path.find('/');
  if (slash == std::string_view::npos) return {};
  return path.substr(0, path.find('/', slash + 1));
}

/// The path as the upstream knows it.
std::string mapped(const UpstreamOptions& upstream, std::string_view path) {
  const auto model = model_in(path);
  std::string out = "/v1";
  if (model.empty()) return out.append(path);
  const auto at = static_cast<std::size_t>(model.data() - path.data());
  return out.append(path.substr(0, at)).append(upstream_name(upstream, model)).append(path.substr(at + model.size()));
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

/// A model's document in the client's names.
void rename_model(std::string& body, std::string_view client_name) {
  auto value = json::parse(body);
  if (!value || value->as_object() == nullptr) return;
  const auto slash = client_name.find('/');
  for (auto& [name, member] : *value->as_object()) {
    if (name == "owner") member = Value(client_name.substr(0, slash));
    if (name == "name") member = Value(client_name.substr(slash + 1));
  }
  body = json::dump(*value);
}

/// A version's document as one that inputs can be checked against; one that takes anything when it says nothing.
domain::Version read_version(const Value& document, std::string_view id) {
  domain::Version version;
  version.id = id;
  if (const auto created = parse_time(document.text_of("created_at"))) version.created_at = *created;
  version.cog_version = document.text_of("cog_version");
  const Value* openapi = document.find("openapi_schema");
  if (openapi == nullptr || openapi->as_object() == nullptr) return version;
  version.openapi_schema = *openapi;
  const Value* components = openapi->find("components");
  const Value* schemas = components != nullptr ? components->find("schemas") : nullptr;
  if (schemas == nullptr) return version;
  if (const Value* input = schemas->find("Input")) {
    if (auto compiled = domain::Schema::compile(*input, *openapi)) version.input = std::move(*compiled);
  }
  if (const Value* training = schemas->find("TrainingInput")) {
    if (auto compiled = domain::Schema::compile(*training, *openapi)) version.training = std::move(*compiled);
  }
  return version;
}

std::shared_ptr<const domain::Model> open_model(std::string_view owner, std::string_view name,
                                                std::string_view version) {
  auto model = std::make_shared<domain::Model>();
  model->owner = owner;
  model->name = name;
  model->versions.emplace_back().id = version;
  model->versions.back().training.emplace();
  return model;
}

domain::Offer offer_of(std::shared_ptr<const domain::Model> model) {
  domain::Offer offer;
  offer.version = &model->versions.front();
  offer.base = offer.version->id;
  offer.model = std::move(model);
  offer.relayed = true;
  return offer;
}

std::string model_path(std::string_view owner, std::string_view name, std::string_view version) {
  auto path = "/models/" + std::string(owner) + "/" + std::string(name);
  if (!version.empty()) path.append("/versions/").append(version);
  return path;
}

bool is_plain(std::string_view path) {
  return std::ranges::all_of(path, [](char c) { return c > 0x20 && c < 0x7F && c != '\\' && c != '"'; });
}

}  // namespace

ReplicateCatalog::ReplicateCatalog(async::IoThreads& io, AccountPool& pool, UpstreamClient& client,
                                   const ports::Clock& clock)
    : io_(io), pool_(pool), client_(client), clock_(clock) {}

ReplicateCatalog::~ReplicateCatalog() { stop_blocking(); }

void ReplicateCatalog::stop_blocking() {
  stop_.request_stop();
  scope_.close();
  scope_.wait_blocking(30s);
}

AccountPtr ReplicateCatalog::account_for(std::string_view path) const {
  const auto model = model_in(path);
  for (const auto& account : pool_.accounts()) {
    if (model.empty() || serves_model(account->upstream->options, model)) return account;
  }
  return nullptr;
}

async::Task<Result<ports::RemoteDocument>> ReplicateCatalog::get(std::string method, std::string path,
                                                                 std::string body) {
  if (!is_plain(path)) co_return fail(ErrorCode::not_found, "The requested resource could not be found.");
  auto key = method + " " + path + "\n" + body;
  std::optional<ports::RemoteDocument> kept;
  bool refresh = false;
  {
    std::scoped_lock lock(mutex_);
    if (const auto found = entries_.find(key); found != entries_.end()) {
      auto& entry = found->second;
      uses_.splice(uses_.begin(), uses_, entry.use);
      const auto age = clock_.now() - entry.asked_at;
      const bool fresh = age < (entry.document.status == 200 ? kFresh : kFreshMissing);
      if (fresh || (entry.document.status == 200 && age < kStale)) kept = entry.document;
      refresh = kept && !fresh && !std::exchange(entry.asking, true);
    }
  }
  if (!kept) co_return co_await ask(std::move(key), std::move(method), std::move(path), std::move(body));
  if (refresh) {
    scope_.spawn(
        io_.next(),
        [](ReplicateCatalog& self, std::string k, std::string m, std::string p, std::string b) -> async::Task<void> {
          (void)co_await self.ask(std::move(k), std::move(m), std::move(p), std::move(b));
        }(*this, std::move(key), std::move(method), std::move(path), std::move(body)));
  }
  co_return std::move(*kept);
}

async::Task<Result<ports::RemoteDocument>> ReplicateCatalog::ask(std::string key, std::string method, std::string path,
                                                                 std::string body) {
  const auto account = account_for(path);
  if (!account) co_return fail(ErrorCode::not_found, "The requested resource could not be found.");
  std::string etag;
  {
    std::scoped_lock lock(mutex_);
    if (const auto found = entries_.find(key); found != entries_.end()) etag = found->second.etag;
  }
  const auto& upstream = *account->upstream;
  Result<ports::HttpReply> reply;
  if (auto taken = co_await pool_.take_other(account, stop_); !taken) {
    reply = std::unexpected(taken.error());
  } else {
    ports::HttpRequest request;
    request.method = method;
    request.body = std::move(body);
    request.limit = 10s;
    request.max_reply = kMaxDocument;
    request.stop = stop_;
    request.reuse = true;
    if (method != "GET") request.headers.emplace_back("Content-Type", "text/plain");
    if (!etag.empty()) request.headers.emplace_back("If-None-Match", etag);
    reply = co_await client_.send(account, std::move(request), mapped(upstream.options, path));
  }
  if (reply && reply->status == 429) pool_.throttle_others(account, retry_after(*reply));
  const bool usable = reply && !reply->truncated &&
                      (reply->status == 200 || reply->status == 304 || reply->status == 400 || reply->status == 404 ||
                       reply->status == 422);
  std::unique_lock lock(mutex_);
  const auto found = entries_.find(key);
  if (found != entries_.end()) found->second.asking = false;
  if (!usable) {
    if (found != entries_.end() && found->second.document.status == 200 &&
        clock_.now() - found->second.asked_at < kStale) {
      co_return found->second.document;
    }
    co_return fail(ErrorCode::unavailable, "The models of this server cannot be read now. Please try again shortly.");
  }
  if (reply->status == 304 && found != entries_.end()) {
    found->second.asked_at = clock_.now();
    co_return found->second.document;
  }
  lock.unlock();
  ports::RemoteDocument document;
  document.status = reply->status;
  document.content_type = reply->header("content-type");
  std::erase(reply->body, ports::kRemoteBase);
  replace_all(reply->body, upstream.options.url + "/v1", std::string_view(&ports::kRemoteBase, 1));
  // A refusal is nobody's work, and names in it are the account's.
  auto text = reply->status == 200 ? upstream.scrubber.clean_output(std::move(reply->body))
                                   : upstream.scrubber.clean(std::move(reply->body));
  const auto model = model_in(path);
  if (!model.empty() && path == "/models/" + std::string(model) && upstream_name(upstream.options, model) != model) {
    rename_model(text, model);
  }
  document.body = std::make_shared<const std::string>(std::move(text));
  keep(key, document, std::string(reply->header("etag")));
  co_return document;
}

void ReplicateCatalog::keep(const std::string& key, ports::RemoteDocument document, std::string etag) {
  std::scoped_lock lock(mutex_);
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    uses_.push_front(key);
    found = entries_.emplace(key, Entry{}).first;
    found->second.use = uses_.begin();
  } else {
    bytes_ -= found->second.document.body->size();
  }
  auto& entry = found->second;
  bytes_ += document.body->size();
  entry.document = std::move(document);
  entry.etag = std::move(etag);
  entry.asked_at = clock_.now();
  entry.model.reset();
  while (bytes_ > kMaxBytes && uses_.size() > 1) {
    const auto oldest = entries_.find(uses_.back());
    bytes_ -= oldest->second.document.body->size();
    entries_.erase(oldest);
    uses_.pop_back();
  }
}

std::shared_ptr<const domain::Model> ReplicateCatalog::kept_model(const std::string& path, std::string_view owner,
                                                                  std::string_view name) {
  const auto key = "GET " + path + "\n";
  std::shared_ptr<const std::string> body;
  {
    std::scoped_lock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.document.status != 200) return nullptr;
    if (found->second.model) return found->second.model;
    body = found->second.document.body;
  }
  auto text = *body;
  replace_all(text, std::string_view(&ports::kRemoteBase, 1), "");
  const auto document = json::parse(text);
  if (!document) return nullptr;
  const Value* latest = document->find("latest_version");
  const bool of_version = path.find("/versions/") != std::string::npos;
  const Value& source = of_version || latest == nullptr || latest->as_object() == nullptr ? *document : *latest;
  auto model = std::make_shared<domain::Model>();
  model->owner = owner;
  model->name = name;
  model->description = document->text_of("description");
  model->versions.push_back(read_version(source, of_version || &source != &*document ? source.text_of("id") : ""));
  std::scoped_lock lock(mutex_);
  const auto& id = model->versions.front().id;
  if (!id.empty()) {
    if (model_of_.size() >= kMaxVersions) model_of_.clear();
    model_of_[id] = model->full_name();
  }
  if (const auto found = entries_.find(key); found != entries_.end() && found->second.document.body == body) {
    found->second.model = model;
  }
  return model;
}

void ReplicateCatalog::learn(std::string path) {
  scope_.spawn(io_.next(), [](ReplicateCatalog& self, std::string p) -> async::Task<void> {
    (void)co_await self.get("GET", std::move(p), "");
  }(*this, std::move(path)));
}

domain::Offer ReplicateCatalog::known(std::string_view owner, std::string_view name, std::string_view version) {
  std::string model_name;
  if (owner.empty()) {
    std::scoped_lock lock(mutex_);
    const auto found = model_of_.find(std::string(version));
    if (found == model_of_.end()) return offer_of(open_model("", "", version));
    model_name = found->second;
    owner = std::string_view(model_name).substr(0, model_name.find('/'));
    name = std::string_view(model_name).substr(model_name.find('/') + 1);
  }
  const auto path = model_path(owner, name, version);
  bool ask = true;
  {
    std::scoped_lock lock(mutex_);
    const auto found = entries_.find("GET " + path + "\n");
    ask = found == entries_.end() || (clock_.now() - found->second.asked_at >= kFresh && !found->second.asking);
  }
  if (ask) learn(path);
  if (auto model = kept_model(path, owner, name)) return offer_of(std::move(model));
  return offer_of(open_model(owner, name, version));
}

async::Task<Result<domain::Offer>> ReplicateCatalog::find(std::string owner, std::string name, std::string version) {
  if (owner.empty()) co_return known(owner, name, version);
  const auto path = model_path(owner, name, version);
  auto document = co_await get("GET", path, "");
  if (!document) co_return std::unexpected(document.error());
  if (document->status != 200) co_return fail(ErrorCode::not_found, "The requested resource could not be found.");
  auto model = kept_model(path, owner, name);
  co_return offer_of(model ? std::move(model) : open_model(owner, name, version));
}

}  // namespace hekto::runners::replicate
