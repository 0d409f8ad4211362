// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "domain/link.h"
#include "domain/prediction.h"
#include "domain/schema.h"
#include "ports/clock.h"
#include "ports/file_store.h"
#include "ports/runner.h"
#include "ports/store.h"
#include "service/input_fetcher.h"

namespace hekto::service {

struct InputLimits {
  std::size_t max_bytes = 100 << 20;         ///< all files of one prediction together
  std::size_t max_count = 100;               ///< files of one prediction
  std::vector<std::string> types = {"*/*"};  ///< media types that are taken: "image/png", "image/*", "*/*"
};

/// Where input files come from. What is referred to outlives the work.
struct InputSources {
  ports::Store& store;
  ports::FileStore& files;
  const ports::Clock& clock;
  const domain::LinkSigner* links = nullptr;  ///< none: delivery links are URLs like any other
  Duration link_lifetime{};
  InputFetcher* fetcher = nullptr;  ///< none: http and https URLs are left to the runner
};

/// Gets hold of the files that an input names in places of format: uri: data: URLs; files that the account has
/// uploaded, by their URL; outputs of predictions, by their link while it lives; and what is behind other http and
/// https URLs. The first three never go over the network. URLs of other schemes are left to the runner. invalid_input,
/// in words for the client, when a file is not there, not readable, too large or of a type that is not taken: the
/// prediction has failed. canceled when `stop` came first. Any other error says nothing about the input: to be tried
/// again.
async::Task<Result<std::vector<ports::InputFile>>> input_files(const InputSources& sources, const InputLimits& limits,
                                                               const std::string& account, const domain::Schema& schema,
                                                               const domain::Value& input, async::StopToken stop);

/// Whether held_files could find any in this JSON text. Quick, and right when it says no.
bool may_name_held_files(std::string_view input);

/// The same for work that is done elsewhere: only files that are held here, wherever the input names them, and no data:
/// URLs. `input` is JSON text.
async::Task<Result<std::vector<ports::InputFile>>> held_files(const InputSources& sources, const InputLimits& limits,
                                                              const std::string& account, const std::string& input);

}  // namespace hekto::service
