// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/secret.h"
#include "cli/address.h"
#include "cli/transport.h"
#include "domain/value.h"

namespace hekto::cli {

/// The calls of the HTTP API that `hekto run` makes. Errors are for people: they carry the server's own words, one line
/// a problem. Blocks; one thread.
class ApiClient {
 public:
  /// `root` as api_root() gives it. `transport` outlives the client.
  ApiClient(Transport& transport, std::string root, Secret key);

  /// The openapi_schema of the model's version (the newest when the reference names none); null when the server has the
  /// model but shows no schema. not_found when there is no such model.
  Result<domain::Value> schema(const ModelRef& model);
  /// Creates a prediction and returns it as it was answered. `rate_limited` carries the wait in retry_after().
  Result<domain::Value> create(const ModelRef& model, const domain::Value& input);
  Result<domain::Value> prediction(const std::string& id);
  Result<domain::Value> cancel(const std::string& id);

  /// How long the server asked to wait with the last refusal.
  std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }

  /// Opens an event stream. No key is sent: the URL itself is the permission.
  Result<void> stream(const std::string& url, const std::string& last_event_id,
                      std::function<bool(std::string_view)> sink, std::function<bool()> should_stop);
  /// Fetches an output file. No key is sent, since the URL may lead to any host.
  Result<void> download(const std::string& url, std::function<bool(std::string_view)> sink,
                        std::function<bool()> should_stop);

 private:
  Result<domain::Value> call(const char* method, const std::string& path, const std::string& body = {});

  Transport& transport_;
  std::string root_;
  Secret key_;
  std::optional<std::chrono::seconds> retry_after_;
};

/// What a refusal says: its title or detail, and for a 422 one "field: problem" line each.
Error describe_refusal(int status, std::string_view body);

}  // namespace hekto::cli
