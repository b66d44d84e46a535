
/*
 * TLS for the sockets of the load client.  Nobody checks the certificate:
 * the bench has made it itself.
 */

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "load.h"


static ssize_t load_tls_result(load_conn_t *c, int n);


void
load_tls_open(load_conn_t *c)
{
    static SSL_CTX  *ctx;

    if (ctx == NULL) {
        ctx = SSL_CTX_new(TLS_client_method());

        if (ctx == NULL) {
            load_die("no TLS");
        }

        SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE
                              |SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                              |SSL_MODE_RELEASE_BUFFERS);
    }

    c->tls = SSL_new(ctx);

    if (c->tls == NULL || SSL_set_fd(c->tls, c->fd) != 1) {
        load_die("no TLS for a connection");
    }

    SSL_set_connect_state(c->tls);
}


void
load_tls_close(load_conn_t *c)
{
    SSL_free(c->tls);
    c->tls = NULL;
}


ssize_t
load_tls_recv(load_conn_t *c, void *p, size_t n)
{
    ERR_clear_error();

    return load_tls_result(c, SSL_read(c->tls, p, n));
}


ssize_t
load_tls_send(load_conn_t *c, const void *p, size_t n)
{
    ERR_clear_error();

    return load_tls_result(c, SSL_write(c->tls, p, n));
}


static ssize_t
load_tls_result(load_conn_t *c, int n)
{
    if (n > 0) {
        return n;
    }

    switch (SSL_get_error(c->tls, n)) {

    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;

    case SSL_ERROR_ZERO_RETURN:
        return 0;

    default:
        errno = errno == EAGAIN ? ECONNRESET : errno;
        return -1;
    }
}
