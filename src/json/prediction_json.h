// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "domain/link.h"
#include "domain/prediction.h"

namespace hekto::json {

/// What is needed to write absolute URLs: those of one request's own origin and mount.
struct UrlContext {
  std::string_view origin;  ///< "https://hekto.example", without a trailing slash
  std::string_view mount;   ///< "/replicate/v1" or "/v1"
  const domain::LinkSigner* signer = nullptr;
};

/// The prediction object of the API, compact: keys in the official order (id, model, version, input, logs, output,
/// data_removed, error, source, status, created_at, deadline?, deployment?, started_at?, completed_at?, metrics?, urls,
/// webhook?, webhook_events_filter?). Times have six fraction digits; started_at, completed_at and metrics are absent
/// until known. That of a training differs in its URLs, which lie under /trainings/, and in its output, which is there
/// once it succeeded: {"version":"owner/name:<64 hex>","weights":"https://…"}.
void append_prediction(std::string& out, const domain::Prediction& p, const UrlContext& urls);

/// The same as it must look when a blocking create ran out of time: `starting`, without output, logs and times,
/// because clients take any other status for the end.
void append_prediction_as_created(std::string& out, const domain::Prediction& p, const UrlContext& urls);

/// One output item as JSON text, files as delivery URLs.
std::string output_item_json(const domain::Prediction& p, std::size_t item, const UrlContext& urls);

/// {origin}/delivery/{token}/{name} of output file `index`.
std::string delivery_url(const domain::Prediction& p, std::size_t index, const UrlContext& urls);

/// Where the event stream is; empty when there is none. Text: {origin}{mount}/streams/{token}. Files:
/// {origin}/v1/files/{token} whatever the mount, because the JavaScript client tells file streams by that path.
std::string stream_url(const domain::Prediction& p, const UrlContext& urls);

}  // namespace hekto::json
