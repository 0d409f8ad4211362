// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/error.h"
#include "domain/model.h"
#include "domain/submission.h"
#include "domain/trained_version.h"

namespace hekto::ports {

/// An answer of an upstream to a request for its catalog, as it is now or was lately.
struct RemoteDocument {
  int status = 0;
  std::string content_type;
  /// Every URL of the upstream's API begins with kRemoteBase instead of its own base, "/v1" included; every other one
  /// at its host with kRemoteOrigin instead of its origin.
  std::shared_ptr<const std::string> body;
};
/// Stand for the base URL of the API and for its origin in a RemoteDocument. Control characters, which JSON text cannot
/// hold.
inline constexpr char kRemoteBase = '\x02';
inline constexpr char kRemoteOrigin = '\x03';

/// The models of upstreams, read through. Names are the clients' own. Any thread.
class RemoteCatalog {
 public:
  virtual ~RemoteCatalog() = default;

  /// Whether live keys run this at an upstream.
  virtual bool serves(const domain::RelayTarget& target) const = 0;
  /// What is known here of "owner/name" and its version (empty: the newest), or of a version alone (`owner` and `name`
  /// empty). Offered even when nothing is: then with a schema that takes any input, and learnt for the next time. What
  /// there really is, is for the upstream to say.
  virtual domain::Offer known(std::string_view owner, std::string_view name, std::string_view version) = 0;
  /// The same, asking the upstream when it is not known. not_found when the upstream has no such thing; unavailable
  /// when it cannot be asked.
  virtual async::Task<Result<domain::Offer>> find(std::string owner, std::string name, std::string version) = 0;
  /// The same of a version that lies with an account of an upstream, as one of "owner/name". It is run there alone.
  virtual domain::Offer known_at(const domain::RemoteHome& home, std::string_view owner, std::string_view name,
                                 std::string_view version) = 0;
  virtual async::Task<Result<domain::Offer>> find_at(domain::RemoteHome home, std::string owner, std::string name,
                                                     std::string version) = 0;
  /// Asks the account to delete such a version, once; whether it did is not told.
  virtual async::Task<void> remove_at(domain::RemoteHome home, std::string version) = 0;
  /// The answer to `method` (GET or QUERY) for a path below "/v1" with its query. Fresh ones are kept for a minute,
  /// older ones shown while they are asked for anew, or while the upstream is down. unavailable when there is none.
  /// Lists hold what is served from upstreams and public there.
  virtual async::Task<Result<RemoteDocument>> get(std::string method, std::string path, std::string body) = 0;
};

}  // namespace hekto::ports
