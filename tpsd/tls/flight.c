/* SPDX-License-Identifier: Apache-2.0 */
#include "tpsd/tls/flight.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/base/err.h"
#include "tpsd/tls/tls_leg.h"

/* What the relay writes at once, with a KiB for what each record of it has around it: TLS 1.0
 * splits one in two, and CBC fills up. A fuller flight is sent on the way. */
enum { FLIGHT_MAX = 68 * 1024 };

struct flight {
	BIO_METHOD *method;
	struct tls_leg *of; /* whose records are gathered; NULL: nobody's */
	size_t len;
	uint8_t data[FLIGHT_MAX];
};

static bool is_later(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK;
}

/* *ret_len is what the socket took of it: all, or SL_EAGAIN; or SL_ESYS with errno. */
static int send_all(const struct leg *leg, const uint8_t *data, size_t len, size_t *ret_len)
{
	int flags = MSG_NOSIGNAL | MSG_DONTWAIT | (leg->fin_follows ? MSG_MORE : 0);
	size_t done = 0;

	while (done < len) {
		ssize_t n = send(leg->fd, data + done, len - done, flags);

		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		*ret_len = done;
		return is_later(errno) ? SL_EAGAIN : SL_ESYS;
	}
	*ret_len = done;
	return 0;
}

int flight_flush(struct tls_leg *tl)
{
	struct flight_rest *rest = &tl->rest;
	size_t n = 0;
	int rc;

	if (!rest->data)
		return 0;
	rc = send_all(tl->leg, rest->data + rest->at, rest->len - rest->at, &n);
	rest->at += n;
	if (rc == 0)
		flight_rest_fini(rest);
	return rc;
}

void flight_rest_fini(struct flight_rest *rest)
{
	free(rest->data);
	*rest = (struct flight_rest){0};
}

void flight_gather(struct flight *f, struct tls_leg *tl)
{
	f->of = tl;
	f->len = 0;
}

int flight_send(struct flight *f)
{
	struct tls_leg *tl = f->of;
	size_t n = 0;
	int rc = send_all(tl->leg, f->data, f->len, &n);

	f->of = NULL;
	if (rc != SL_EAGAIN)
		return rc;
	tl->rest.len = f->len - n;
	tl->rest.data = malloc(tl->rest.len);
	if (!tl->rest.data)
		return SL_ENOMEM;
	memcpy(tl->rest.data, f->data + n, tl->rest.len);
	return 0;
}

/* Into the flight, which is sent on the way when it is full; what the socket does not take of it
 * then moves to its front. */
static int gather(struct flight *f, const char *data, size_t len)
{
	size_t n = 0;
	int rc = 0;

	if (len > sizeof(f->data) - f->len) {
		rc = send_all(f->of->leg, f->data, f->len, &n);
		memmove(f->data, f->data + n, f->len - n);
		f->len -= n;
	}
	if (rc == SL_ESYS)
		return rc;
	if (len > sizeof(f->data) - f->len)
		return SL_EAGAIN;
	memcpy(f->data + f->len, data, len);
	f->len += len;
	return 0;
}

/* What OpenSSL expects of a BIO: -1 and the retry flag, or -1 with errno. */
static int bio_write(BIO *bio, const char *data, int len)
{
	struct tls_leg *tl = BIO_get_data(bio);
	size_t n = (size_t)len;
	int rc;

	BIO_clear_retry_flags(bio);
	if (tl->flight->of == tl) {
		rc = gather(tl->flight, data, n);
	} else {
		rc = flight_flush(tl); /* nothing overtakes it */
		if (rc == 0)
			rc = send_all(tl->leg, (const uint8_t *)data, n, &n);
		if (rc == SL_EAGAIN && n > 0 && !tl->rest.data)
			rc = 0;
	}
	if (rc == 0)
		return (int)n;
	if (rc == SL_EAGAIN)
		BIO_set_retry_write(bio);
	return -1;
}

static int bio_read(BIO *bio, char *data, int size)
{
	struct tls_leg *tl = BIO_get_data(bio);
	ssize_t n;

	BIO_clear_retry_flags(bio);
	do
		n = recv(tl->leg->fd, data, (size_t)size, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	else if (n < 0 && is_later(errno))
		BIO_set_retry_read(bio);
	return (int)n;
}

static long bio_ctrl(BIO *bio, int what, long number, void *pointer)
{
	if (what == BIO_CTRL_FLUSH)
		return 1;
	return what == BIO_CTRL_EOF && BIO_test_flags(bio, BIO_FLAGS_IN_EOF);
}

struct flight *flight_create(void)
{
	struct flight *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "leg"); /* looked for by nobody: no index */
	if (!f->method || !BIO_meth_set_write(f->method, bio_write) ||
	    !BIO_meth_set_read(f->method, bio_read) || !BIO_meth_set_ctrl(f->method, bio_ctrl)) {
		flight_destroy(f);
		return NULL;
	}
	return f;
}

void flight_destroy(struct flight *f)
{
	if (!f)
		return;
	BIO_meth_free(f->method);
	free(f);
}

BIO *flight_bio(struct flight *f, struct tls_leg *tl)
{
	BIO *bio = BIO_new(f->method);

	if (!bio)
		return NULL;
	tl->flight = f;
	BIO_set_data(bio, tl);
	BIO_set_init(bio, 1);
	return bio;
}
