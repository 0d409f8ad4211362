// SPDX-License-Identifier: Apache-2.0
#include "http/tls.h"

#include <cerrno>
#include <string_view>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

namespace hekto::http {

namespace {

// OpenSSL's own socket BIO writes with write(), which raises SIGPIPE once the client is gone. This one does not.
int bio_write(BIO* bio, const char* data, int size) {
  const int fd = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
  BIO_clear_retry_flags(bio);
  const auto sent = ::send(fd, data, static_cast<std::size_t>(size), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* data, int size) {
  const int fd = static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
  BIO_clear_retry_flags(bio);
  const auto got = ::recv(fd, data, static_cast<std::size_t>(size), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) BIO_set_retry_read(bio);
  return static_cast<int>(got);
}

long bio_ctrl(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* socket_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    BIO_meth_set_write(m, bio_write);
    BIO_meth_set_read(m, bio_read);
    BIO_meth_set_ctrl(m, bio_ctrl);
    return m;
  }();
  return method;
}

int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* in, unsigned in_size,
                    void*) {
  static constexpr unsigned char kHttp11[] = "\x08http/1.1";
  const int chosen =
      SSL_select_next_proto(const_cast<unsigned char**>(out), out_size, kHttp11, sizeof(kHttp11) - 1, in, in_size);
  return chosen == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

std::string last_reason() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_peek_last_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

}  // namespace

struct TlsContext::Impl {
  SSL_CTX* context = SSL_CTX_new(TLS_server_method());
  Impl() = default;
  ~Impl() { SSL_CTX_free(context); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
};

Result<TlsContext> TlsContext::load(const std::string& certificate, const std::string& key) {
  TlsContext result;
  result.impl_ = std::make_shared<Impl>();
  SSL_CTX* context = result.impl_->context;
  if (context == nullptr) return fail(ErrorCode::internal, "TLS cannot be set up: " + last_reason());
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                                   SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Partial writes may resume from another buffer, and an idle connection keeps no record buffers.
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return fail(ErrorCode::invalid_input, "the TLS certificate " + certificate + " is unusable: " + last_reason());
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return fail(ErrorCode::invalid_input, "the TLS key " + key + " is unusable: " + last_reason());
  }
  return result;
}

struct TlsStream::Impl {
  SSL* ssl = nullptr;
  bool failed = false;  // after a fatal error OpenSSL forbids SSL_shutdown
};

TlsStream::TlsStream(const TlsContext& context, int fd) : impl_(std::make_unique<Impl>()) {
  impl_->ssl = SSL_new(context.impl_->context);
  BIO* bio = BIO_new(socket_method());
  if (impl_->ssl == nullptr || bio == nullptr) {
    SSL_free(impl_->ssl);
    BIO_free(bio);
    throw std::bad_alloc();
  }
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(fd)));
  BIO_set_init(bio, 1);
  SSL_set_bio(impl_->ssl, bio, bio);
  SSL_set_accept_state(impl_->ssl);
}

TlsStream::~TlsStream() { SSL_free(impl_->ssl); }

IoResult TlsStream::result_of(int returned) {
  switch (SSL_get_error(impl_->ssl, returned)) {
    case SSL_ERROR_NONE:
      return {Io::done, static_cast<std::size_t>(returned)};
    case SSL_ERROR_WANT_READ:
      return {Io::want_read};
    case SSL_ERROR_WANT_WRITE:
      return {Io::want_write};
    case SSL_ERROR_ZERO_RETURN:
      return {Io::closed};
    default:
      impl_->failed = true;
      ERR_clear_error();
      return {Io::closed};
  }
}

IoResult TlsStream::handshake() {
  ERR_clear_error();
  return result_of(SSL_do_handshake(impl_->ssl));
}

IoResult TlsStream::read(std::span<char> into) {
  ERR_clear_error();
  return result_of(SSL_read(impl_->ssl, into.data(), static_cast<int>(into.size())));
}

IoResult TlsStream::write(std::string_view bytes) {
  ERR_clear_error();
  constexpr std::size_t kMost = 1 << 20;
  return result_of(SSL_write(impl_->ssl, bytes.data(), static_cast<int>(std::min(bytes.size(), kMost))));
}

bool TlsStream::pending() const { return SSL_has_pending(impl_->ssl) == 1; }

void TlsStream::close_notify() {
  if (impl_->failed || SSL_is_init_finished(impl_->ssl) != 1) return;
  ERR_clear_error();
  SSL_shutdown(impl_->ssl);
  ERR_clear_error();
}

}  // namespace hekto::http
