/* SPDX-License-Identifier: Apache-2.0 */
/* An echo over TLS 1.3, as OpenSSL does it by itself. */
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <unistd.h>
#include "tests/bench/anchor.h"

#define CIPHER     "TLS_AES_256_GCM_SHA384"
#define VALID      3600
#define LENGTH_MAX 16384u

typedef struct TlsEcho {
    SSL_CTX *server, *client;
    SSL *session;
    size_t length;
    uint8_t buffer[LENGTH_MAX];
} TlsEcho;

static X509 *certificate_new(EVP_PKEY *key)
{
    X509 *certificate = X509_new();

    if (!certificate || !X509_set_version(certificate, X509_VERSION_3) ||
        !ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1) ||
        !X509_gmtime_adj(X509_getm_notBefore(certificate), 0) ||
        !X509_gmtime_adj(X509_getm_notAfter(certificate), VALID) || !X509_set_pubkey(certificate, key) ||
        !X509_sign(certificate, key, EVP_sha256()))
        measure_fail("OpenSSL makes no certificate");
    return certificate;
}

static SSL_CTX *server_new(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? certificate_new(key) : NULL;
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());

    if (!certificate || !server || !SSL_CTX_set_min_proto_version(server, TLS1_3_VERSION) ||
        !SSL_CTX_set_ciphersuites(server, CIPHER) || !SSL_CTX_use_certificate(server, certificate) ||
        !SSL_CTX_use_PrivateKey(server, key))
        measure_fail("OpenSSL makes no TLS server");
    X509_free(certificate);
    EVP_PKEY_free(key);
    return server;
}

static SSL *session_new(SSL_CTX *context, int fd, int (*handshake)(SSL *session))
{
    SSL *session = SSL_new(context);

    if (!session || !SSL_set_fd(session, fd) || handshake(session) != 1) measure_fail("no TLS connection");
    return session;
}

static void serve(int fd, void *data)
{
    TlsEcho *echo = data;
    SSL *session = session_new(echo->server, fd, SSL_accept);

    while (SSL_read(session, echo->buffer, (int)echo->length) == (int)echo->length)
        if (SSL_write(session, echo->buffer, (int)echo->length) != (int)echo->length) _exit(1);
}

static void run(void *data, unsigned count)
{
    TlsEcho *echo = data;
    const int length = (int)echo->length;

    while (count-- > 0)
        if (SSL_write(echo->session, echo->buffer, length) != length ||
            SSL_read(echo->session, echo->buffer, length) != length)
            measure_fail("a TLS echo came back wrong");
}

Subject anchor_tls(size_t length)
{
    Subject subject = {.run = run};
    TlsEcho *echo = calloc(1, sizeof(*echo));

    if (!echo || length > LENGTH_MAX) measure_fail("out of memory");
    echo->length = length;
    echo->server = server_new();
    echo->client = SSL_CTX_new(TLS_client_method());
    if (!echo->client) measure_fail("OpenSSL makes no TLS client");
    const int fd = anchor_start(serve, echo, &subject.peers[0]);
    echo->session = session_new(echo->client, fd, SSL_connect);
    subject.data = echo;
    return subject;
}
