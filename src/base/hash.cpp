// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <stdexcept>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

namespace hekto {
namespace {

struct ContextDeleter {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
struct MacDeleter {
  void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextDeleter>;

/// Fetched once for the life of the process: a fetch for every digest costs more than the digest of a key.
const EVP_MD* sha256_algorithm() {
  static EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

void check(int ok) {
  if (ok != 1) throw std::runtime_error("OpenSSL failed to compute a digest");
}

}  // namespace

std::string sha256(std::string_view bytes) {
  static thread_local Context context{EVP_MD_CTX_new()};
  std::string out(32, '\0');
  check(EVP_DigestInit_ex2(context.get(), sha256_algorithm(), nullptr));
  check(EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()));
  check(EVP_DigestFinal_ex(context.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr));
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view message) {
  // A server signs with very few keys: the thread's last one stays keyed, which makes a MAC six times cheaper.
  struct Keyed {
    std::unique_ptr<EVP_MAC_CTX, MacDeleter> context;
    std::string key;
    ~Keyed() { OPENSSL_cleanse(key.data(), key.size()); }
  };
  static thread_local Keyed keyed;
  static EVP_MAC* const kAlgorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  if (keyed.context != nullptr && keyed.key == key) {
    check(EVP_MAC_init(keyed.context.get(), nullptr, 0, nullptr));
  } else {
    char digest[] = "SHA256";
    const OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                     OSSL_PARAM_construct_end()};
    keyed.context.reset(EVP_MAC_CTX_new(kAlgorithm));
    keyed.key = key;
    // An empty key must not be a null pointer, which would mean "the key of before".
    check(EVP_MAC_init(keyed.context.get(), reinterpret_cast<const unsigned char*>(keyed.key.c_str()), key.size(),
                       parameters));
  }
  std::string out(32, '\0');
  std::size_t length = 0;
  check(EVP_MAC_update(keyed.context.get(), reinterpret_cast<const unsigned char*>(message.data()), message.size()));
  check(EVP_MAC_final(keyed.context.get(), reinterpret_cast<unsigned char*>(out.data()), &length, out.size()));
  return out;
}

struct Sha256::Impl {
  Context context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
  check(EVP_DigestInit_ex2(impl_->context.get(), sha256_algorithm(), nullptr));
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  check(EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size()));
}

std::string Sha256::finish() {
  std::string out(32, '\0');
  check(EVP_DigestFinal_ex(impl_->context.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr));
  return out;
}

bool constant_time_equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace hekto
