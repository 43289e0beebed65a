/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request out of evhttp's hands into ours, and an answer back. evhttp takes much that RFC 9112
 * lets a proxy before it read otherwise; all of it is refused here, and the connection with it,
 * since what follows on it may be half of another request:
 *
 * - a body of GET or DELETE is left in the buffer and read as the next request;
 * - "Transfer-Encoding: x, chunked" counts as no body; any Transfer-Encoding is refused, since no
 *   client of ours needs one;
 * - of two equal headers the first counts; "Content-Length : 5" is a header of another name.
 */
#include <ctype.h>
#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/err.h"
#include "smsd/http/http_priv.h"
#include "smsd/http/target.h"

/* Headers that may come once. Those that a request has a field for are kept. */
static const struct header {
	const char *name;
	size_t offset; /* of a const char * in struct http_request; SIZE_MAX: not kept */
} headers[] = {
        {"Authorization", offsetof(struct http_request, authorization)},
        {"Cookie", offsetof(struct http_request, cookie)},
        {"X-Sluice-CSRF", offsetof(struct http_request, csrf_token)},
        {"If-Match", offsetof(struct http_request, if_match)},
        {"Content-Type", offsetof(struct http_request, content_type)},
        {"Accept", offsetof(struct http_request, accept)},
        {"Origin", offsetof(struct http_request, origin)},
        {"Last-Event-ID", offsetof(struct http_request, last_event_id)},
        {"Host", SIZE_MAX},
        {"Content-Length", SIZE_MAX},
        {"Expect", SIZE_MAX},
};

static const struct method {
	enum evhttp_cmd_type theirs;
	enum http_method ours;
	bool body; /* evhttp reads one */
} methods[] = {
        {EVHTTP_REQ_GET, HTTP_GET, false},       {EVHTTP_REQ_POST, HTTP_POST, true},
        {EVHTTP_REQ_PUT, HTTP_PUT, true},        {EVHTTP_REQ_PATCH, HTTP_PATCH, true},
        {EVHTTP_REQ_DELETE, HTTP_DELETE, false},
};

struct http_exchange {
	struct http_request request;
	struct evhttp_request *theirs; /* outlives its connection until it has been replied to */
	struct http_target target;
	char *kept[SL_ARRAY_LEN(headers)];
	uint8_t *body;
};

/* ---- refusing ---------------------------------------------------------------------------- */

static void refuse(struct evhttp_request *theirs, int status, const char *title, const char *detail)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(theirs);
	struct http_peer *peer = http_peer_of(theirs);
	struct evbuffer *body = evbuffer_new();

	if (peer)
		http_peer_allow(peer, HTTP_IDLE_S);
	(void)evhttp_add_header(out, "Connection", "close");
	(void)evhttp_add_header(out, "Content-Type", "application/problem+json");
	(void)evhttp_add_header(out, "Cache-Control", "no-store");
	if (status == 405)
		(void)evhttp_add_header(out, "Allow", "GET, POST, PUT, PATCH, DELETE");
	if (body)
		(void)evbuffer_add_printf(body,
		                          "{\"type\":\"about:blank\",\"title\":\"%s\","
		                          "\"status\":%d,\"detail\":\"%s\"}\n",
		                          title, status, detail);
	evhttp_send_reply(theirs, status, title, body);
	if (body)
		evbuffer_free(body);
}

static void refuse_syntax(struct evhttp_request *theirs, const char *detail)
{
	refuse(theirs, 400, "Bad Request", detail);
}

/* ---- the request's head ------------------------------------------------------------------ */

static const struct method *method_of(struct evhttp_request *theirs)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(methods); i++)
		if (methods[i].theirs == evhttp_request_get_command(theirs))
			return &methods[i];
	return NULL;
}

/* RFC 9110 section 5.6.2. */
static bool is_token(const char *name)
{
	if (*name == '\0')
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("!#$%&'*+-.^_`|~", *name))
			return false;
	return true;
}

static bool is_value(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value < ' ' ? *value != '\t' : *value == 0x7f)
			return false;
	return true;
}

/* NULL when all is well, else what is wrong. */
static const char *keep_header(struct http_exchange *x, const struct evkeyval *header)
{
	if (!is_token(header->key) || !is_value(header->value))
		return "a header is malformed";
	if (strcasecmp(header->key, "Transfer-Encoding") == 0)
		return "send a body with its Content-Length, without Transfer-Encoding";
	for (size_t i = 0; i < SL_ARRAY_LEN(headers); i++) {
		if (strcasecmp(header->key, headers[i].name) != 0)
			continue;
		if (x->kept[i])
			return "a header came twice";
		x->kept[i] = strdup(header->value);
		if (!x->kept[i])
			return "out of memory";
	}
	return NULL;
}

static const char *kept_header(const struct http_exchange *x, const char *name)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(headers); i++)
		if (strcmp(headers[i].name, name) == 0)
			return x->kept[i];
	return NULL;
}

static const char *keep_headers(struct http_exchange *x)
{
	const struct evkeyval *header;
	const char *wrong = NULL;

	for (header = evhttp_request_get_input_headers(x->theirs)->tqh_first; header && !wrong;
	     header = header->next.tqe_next)
		wrong = keep_header(x, header);
	for (size_t i = 0; i < SL_ARRAY_LEN(headers) && !wrong; i++) {
		const char *value = x->kept[i] ? x->kept[i] : "";

		if (headers[i].offset != SIZE_MAX)
			memcpy((char *)&x->request + headers[i].offset, &value, sizeof(value));
	}
	if (!wrong && (!kept_header(x, "Host") || !*kept_header(x, "Host")))
		wrong = "there is no Host header";
	return wrong;
}

/* The body is as long as its length says, and there is none where evhttp reads none. */
static const char *check_length(const struct http_exchange *x, const struct method *method)
{
	enum { DIGITS_MAX = 12 };
	const char *length = kept_header(x, "Content-Length");
	size_t digits = length ? strspn(length, "0123456789") : 0;
	size_t said = 0;

	if (length) {
		if (digits == 0 || digits > DIGITS_MAX || length[digits] != '\0')
			return "the Content-Length is malformed";
		said = strtoull(length, NULL, 10);
	}
	if (!method->body && said > 0)
		return "this method takes no body";
	if (said != evbuffer_get_length(evhttp_request_get_input_buffer(x->theirs)))
		return "the body is not as long as its Content-Length says";
	return NULL;
}

/* ---- the request ------------------------------------------------------------------------- */

/* Bodies have passwords and keys: nothing of them stays in evhttp's buffers. */
static int take_body(struct http_exchange *x)
{
	enum { PIECES = 16 };
	struct evbuffer *from = evhttp_request_get_input_buffer(x->theirs);
	struct evbuffer_iovec pieces[PIECES];
	size_t at = 0;

	x->request.body_len = evbuffer_get_length(from);
	x->body = malloc(x->request.body_len + 1);
	if (!x->body)
		return SL_ENOMEM;
	x->request.body = x->body;
	while (at < x->request.body_len) {
		int n = evbuffer_peek(from, -1, NULL, pieces, PIECES);
		size_t taken = 0;

		for (int i = 0; i < SL_MIN(n, PIECES); i++) {
			memcpy(x->body + at + taken, pieces[i].iov_base, pieces[i].iov_len);
			OPENSSL_cleanse(pieces[i].iov_base, pieces[i].iov_len);
			taken += pieces[i].iov_len;
		}
		(void)evbuffer_drain(from, taken);
		at += taken;
	}
	return 0;
}

void http_exchange_free(struct http_exchange *x)
{
	for (size_t i = 0; i < SL_ARRAY_LEN(headers); i++)
		if (x->kept[i]) {
			OPENSSL_cleanse(x->kept[i], strlen(x->kept[i]));
			free(x->kept[i]);
		}
	if (x->body)
		OPENSSL_cleanse(x->body, x->request.body_len);
	free(x->body);
	http_target_fini(&x->target);
	X509_free(x->request.peer);
	free(x);
}

/* Status to refuse with and why, or 0. */
static int fill(struct http_exchange *x, const struct method *method, const char **ret_why)
{
	int rc;

	*ret_why = keep_headers(x);
	if (!*ret_why)
		*ret_why = check_length(x, method);
	if (*ret_why)
		return 400;
	rc = http_target_read(evhttp_request_get_uri(x->theirs), &x->target);
	if (rc == 0)
		rc = take_body(x);
	*ret_why = err_text(rc);
	x->request.method = method->ours;
	x->request.path = x->target.path;
	x->request.query = x->target.query;
	return rc == 0 ? 0 : rc == SL_ELIMIT ? 414 : rc == SL_ENOMEM ? 503 : 400;
}

static const char *title_of(int status)
{
	switch (status) {
	case 400:
		return "Bad Request";
	case 414:
		return "URI Too Long";
	default:
		return "Service Unavailable";
	}
}

void http_exchange_begin(struct evhttp_request *theirs, void *arg)
{
	struct http_server *s = arg;
	const struct method *method = method_of(theirs);
	struct http_peer *peer = http_peer_of(theirs);
	struct http_exchange *x;
	const char *why;
	int status;

	if (!peer) {
		refuse_syntax(theirs, "this is no TLS");
		return;
	}
	if (!method) {
		refuse(theirs, 405, "Method Not Allowed", "nothing is served by this method");
		return;
	}
	x = calloc(1, sizeof(*x));
	if (!x) {
		refuse(theirs, 503, title_of(503), err_text(SL_ENOMEM));
		return;
	}
	x->theirs = theirs;
	(void)snprintf(x->request.from, sizeof(x->request.from), "%s", peer->from);
	x->request.peer = http_peer_certificate(peer);
	status = fill(x, method, &why);
	if (status != 0) {
		refuse(theirs, status, title_of(status), why);
		http_exchange_free(x);
		return;
	}
	http_peer_allow(peer, 0);
	s->options.fn(s->options.arg, x);
}

const struct http_request *http_exchange_request(const struct http_exchange *exchange)
{
	return &exchange->request;
}

struct evhttp_request *http_exchange_theirs(struct http_exchange *exchange)
{
	return exchange->theirs;
}

char *http_query_value(const struct http_request *request, const char *name)
{
	return http_query_find(request->query, name);
}

/* ---- the answer -------------------------------------------------------------------------- */

void http_response_init(struct http_response *response)
{
	*response = (struct http_response){.status = 200};
	buf_init(&response->body, HTTP_ANSWER_MAX);
}

void http_response_fini(struct http_response *response)
{
	if (response->body.data)
		OPENSSL_cleanse(response->body.data, response->body.size);
	buf_fini(&response->body);
	OPENSSL_cleanse(response->set_cookie, sizeof(response->set_cookie));
}

static void sent(struct evhttp_request *theirs, void *arg)
{
	struct http_peer *peer = http_peer_of(theirs);

	if (peer)
		http_peer_idle(peer);
}

static void wipe(const void *data, size_t len, void *arg)
{
	OPENSSL_cleanse(arg, len);
	free(arg);
}

static void add_body(struct evbuffer *out, const struct buf *body)
{
	uint8_t *copy = body->len > 0 ? malloc(body->len) : NULL;

	if (!copy)
		return;
	memcpy(copy, body->data, body->len);
	if (evbuffer_add_reference(out, copy, body->len, wipe, copy) != 0)
		wipe(copy, body->len, copy);
}

void http_exchange_head(struct evhttp_request *theirs, const struct http_response *r)
{
	struct evkeyvalq *out = evhttp_request_get_output_headers(theirs);
	char text[256];

	(void)evhttp_add_header(out, "Cache-Control", "no-store");
	(void)evhttp_add_header(out, "X-Content-Type-Options", "nosniff");
	if (r->content_type)
		(void)evhttp_add_header(out, "Content-Type", r->content_type);
	if (r->status == 401)
		(void)evhttp_add_header(out, "WWW-Authenticate", "Bearer");
	if (r->etag[0])
		(void)evhttp_add_header(out, "ETag", r->etag);
	if (r->location[0])
		(void)evhttp_add_header(out, "Location", r->location);
	if (r->set_cookie[0])
		(void)evhttp_add_header(out, "Set-Cookie", r->set_cookie);
	if (r->allow[0])
		(void)evhttp_add_header(out, "Allow", r->allow);
	if (r->filename[0]) {
		(void)snprintf(text, sizeof(text), "attachment; filename=\"%s\"", r->filename);
		(void)evhttp_add_header(out, "Content-Disposition", text);
	}
	if (r->retry_after_s > 0) {
		(void)snprintf(text, sizeof(text), "%u", r->retry_after_s);
		(void)evhttp_add_header(out, "Retry-After", text);
	}
}

static void add_length(struct evhttp_request *theirs, const struct http_response *r)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%zu", r->body.len);
	if (r->status != 204)
		(void)evhttp_add_header(evhttp_request_get_output_headers(theirs), "Content-Length",
		                        text);
}

void http_reply(struct http_exchange *x, const struct http_response *response)
{
	struct evbuffer *body = evbuffer_new();
	struct http_peer *peer = http_peer_of(x->theirs);

	http_exchange_head(x->theirs, response);
	add_length(x->theirs, response);
	if (body)
		add_body(body, &response->body);
	if (peer) {
		http_peer_allow(peer, HTTP_SEND_S);
		evhttp_request_set_on_complete_cb(x->theirs, sent, NULL);
	}
	evhttp_send_reply(x->theirs, response->status, NULL, body);
	if (body)
		evbuffer_free(body);
	http_exchange_free(x);
}
