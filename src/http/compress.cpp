// SPDX-License-Identifier: Apache-2.0
#include "http/compress.h"

#include <algorithm>
#include <zlib.h>

#include "base/text.h"

namespace hekto::http {

namespace {

/// "q=0", "q=0.0", "q=0.000" say no; anything else says yes.
bool is_refused(std::string_view parameters) {
  while (!parameters.empty()) {
    std::string_view value = trim(take_until(parameters, ';'));
    if (!iequals(trim(take_until(value, '=')), "q")) continue;
    value = trim(value);
    return !value.empty() && value.find_first_not_of("0.") == std::string_view::npos;
  }
  return false;
}

/// A deflate state costs some 40 KiB at these settings and is dear to set up, so each thread keeps one.
struct Deflater {
  z_stream stream{};
  bool ready = false;

  Deflater() {
    // Window 2^13 and 16 for the gzip wrapper: answers are mostly a few KiB.
    ready = deflateInit2(&stream, 1, Z_DEFLATED, 13 + 16, 6, Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~Deflater() {
    if (ready) deflateEnd(&stream);
  }
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;
};

}  // namespace

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  while (!accept_encoding.empty()) {
    std::string_view parameters = take_until(accept_encoding, ',');
    const std::string_view coding = trim(take_until(parameters, ';'));
    if (iequals(coding, "gzip") || iequals(coding, "x-gzip")) return !is_refused(parameters);
    if (coding == "*") any = !is_refused(parameters);
  }
  return any;
}

bool is_compressible_type(std::string_view content_type) {
  const std::string_view type = trim(take_until(content_type, ';'));
  return type.starts_with("text/") || type == "application/json" || type == "application/problem+json";
}

std::optional<std::string> gzip(std::string_view text) {
  thread_local Deflater deflater;
  if (!deflater.ready || deflateReset(&deflater.stream) != Z_OK) return std::nullopt;
  std::string out;
  bool complete = false;
  // Room for less than the input only: a result that is not smaller is of no use.
  out.resize_and_overwrite(text.size(), [&](char* data, std::size_t) {
    // The size that the library passes may be larger than the one asked for.
    const std::size_t size = text.size();
    z_stream& stream = deflater.stream;
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(data);
    stream.avail_out = static_cast<uInt>(size);
    complete = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    return size - stream.avail_out;
  });
  if (!complete) return std::nullopt;
  return out;
}

}  // namespace hekto::http
