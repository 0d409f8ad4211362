// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite/output_codec.h"

#include <cstdint>

namespace hekto::store {
namespace {

void put_number(std::string& out, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) out += static_cast<char>(0x80 | (number & 0x7F));
  out += static_cast<char>(number);
}

void put_text(std::string& out, std::string_view text) {
  put_number(out, text.size());
  out += text;
}

bool take_number(std::string_view& in, std::uint64_t& number) {
  number = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (in.empty()) return false;
    const auto byte = static_cast<unsigned char>(in.front());
    in.remove_prefix(1);
    number |= std::uint64_t{byte & 0x7Fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool take_text(std::string_view& in, std::string& text) {
  std::uint64_t size = 0;
  if (!take_number(in, size) || size > in.size()) return false;
  text = in.substr(0, size);
  in.remove_prefix(size);
  return true;
}

}  // namespace

std::string encode_items(const domain::Output& output) {
  std::size_t size = 1;
  for (const auto& item : output.items) size += item.size() + 5;
  std::string out;
  out.reserve(size);
  out += output.is_list ? '1' : '0';
  for (const auto& item : output.items) put_text(out, item);
  return out;
}

std::string encode_files(const std::vector<domain::OutputFile>& files) {
  std::string out;
  for (const auto& file : files) {
    put_text(out, file.name);
    put_text(out, file.content_type);
    put_text(out, file.sha256);
    put_number(out, file.size);
  }
  return out;
}

bool decode_items(std::string_view bytes, domain::Output& output) {
  if (bytes.empty() || (bytes.front() != '0' && bytes.front() != '1')) return false;
  output.is_list = bytes.front() == '1';
  bytes.remove_prefix(1);
  while (!bytes.empty()) {
    if (!take_text(bytes, output.items.emplace_back())) return false;
  }
  return true;
}

bool decode_files(std::string_view bytes, std::vector<domain::OutputFile>& files) {
  while (!bytes.empty()) {
    auto& file = files.emplace_back();
    if (!take_text(bytes, file.name) || !take_text(bytes, file.content_type) || !take_text(bytes, file.sha256) ||
        !take_number(bytes, file.size)) {
      return false;
    }
  }
  return true;
}

std::string encode_webhook(const domain::Webhook& webhook) {
  std::string out;
  put_text(out, webhook.url);
  put_text(out, webhook.origin);
  put_text(out, webhook.mount);
  for (const auto event : webhook.filter) out += static_cast<char>('0' + static_cast<int>(event));
  return out;
}

bool decode_webhook(std::string_view bytes, domain::Webhook& webhook) {
  if (!take_text(bytes, webhook.url) || !take_text(bytes, webhook.origin) || !take_text(bytes, webhook.mount)) {
    return false;
  }
  for (const char c : bytes) {
    if (c < '0' || c > '0' + static_cast<int>(domain::WebhookEvent::completed)) return false;
    webhook.filter.push_back(static_cast<domain::WebhookEvent>(c - '0'));
  }
  return true;
}

}  // namespace hekto::store
