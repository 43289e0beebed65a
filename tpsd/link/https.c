/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's sockets and its timer are sources and a timer of the loop; what ended is handed on when
 * no code of libcurl is below us on the stack. */
#include "tpsd/link/https.h"

#include <curl/curl.h>
#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/loop.h"
#include "lib/pki/cert.h"

/* `wanted` is held in one; documents, keys, statuses, events and a renewal may each have another.
 */
enum { CONNECTIONS_MAX = 6, HTTP_BUSY = 503 };

struct https_call {
	struct https_call *next, **at; /* in https.calls */
	struct https *https;
	CURL *curl;
	struct curl_slist *headers;
	uint8_t *body;
	size_t body_len;
	struct buf answer;
	struct loop_timer again;
	uint64_t until_ns; /* the end of its time */
	bool fresh, too_long, untrusted;
	https_done_fn *fn;
	void *arg;
};

struct https {
	struct loop *loop;
	struct loop_timer timer;
	CURLM *multi;
	struct https_call *calls;
	char base[HTTPS_ADDRESS_MAX + 32]; /* "https://address:port" */
	uint8_t pin[REMOTE_PIN];
	X509 *certificate;
	EVP_PKEY *key;
	bool busy, closed; /* a function of a call runs; closed meanwhile */
};

struct watched {
	struct loop_source source; /* first */
	struct https *https;
};

static void collect(struct https *https);

/* ---- the server's certificate ------------------------------------------------------------ */

/* The certificate of the pin among those that were shown. */
static X509 *find_pinned(const struct https *https, STACK_OF(X509) * shown, X509 *leaf)
{
	uint8_t id[32];

	if (pki_cert_key_id(leaf, id) == 0 && memcmp(id, https->pin, sizeof(id)) == 0)
		return leaf;
	for (int i = 0; i < sk_X509_num(shown); i++) {
		X509 *one = sk_X509_value(shown, i);

		if (pki_cert_key_id(one, id) == 0 && memcmp(id, https->pin, sizeof(id)) == 0)
			return one;
	}
	return NULL;
}

/* A path from the leaf to that one certificate, dates and signatures checked by OpenSSL. */
static bool leads_to(X509 *leaf, STACK_OF(X509) * shown, X509 *pinned)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	bool good = store && ctx && X509_STORE_add_cert(store, pinned) == 1 &&
	            X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN) == 1 &&
	            X509_STORE_CTX_init(ctx, store, leaf, shown) == 1 &&
	            X509_STORE_CTX_set_default(ctx, "ssl_server") == 1 &&
	            X509_verify_cert(ctx) == 1;

	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	return good;
}

static int verify(X509_STORE_CTX *ctx, void *arg)
{
	struct https_call *call = arg;
	X509 *leaf = X509_STORE_CTX_get0_cert(ctx);
	STACK_OF(X509) *shown = X509_STORE_CTX_get0_untrusted(ctx);
	X509 *pinned = leaf ? find_pinned(call->https, shown, leaf) : NULL;

	call->untrusted = !pinned || !leads_to(leaf, shown, pinned);
	X509_STORE_CTX_set_error(ctx, call->untrusted ? X509_V_ERR_CERT_UNTRUSTED : X509_V_OK);
	return !call->untrusted;
}

static CURLcode with_context(CURL *curl, void *ctx, void *arg)
{
	struct https_call *call = arg;
	const struct https *https = call->https;

	SSL_CTX_set_cert_verify_callback(ctx, verify, call);
	if (https->key && (SSL_CTX_use_certificate(ctx, https->certificate) != 1 ||
	                   SSL_CTX_use_PrivateKey(ctx, https->key) != 1))
		return CURLE_SSL_CERTPROBLEM;
	return CURLE_OK;
}

/* ---- libcurl in the loop ----------------------------------------------------------------- */

static void on_socket(struct loop_source *source, uint32_t events)
{
	struct https *https = ((struct watched *)source)->https;
	int mask = 0, running;

	mask |= events & EPOLLIN ? CURL_CSELECT_IN : 0;
	mask |= events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
	mask |= events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0;
	(void)curl_multi_socket_action(https->multi, source->fd, mask, &running);
	collect(https);
}

static int watch(CURL *curl, curl_socket_t fd, int what, void *arg, void *of_socket)
{
	struct https *https = arg;
	struct watched *w = of_socket;
	uint32_t events =
	        (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);

	if (what == CURL_POLL_REMOVE) {
		if (w)
			loop_remove(&w->source);
		free(w);
		(void)curl_multi_assign(https->multi, fd, NULL);
		return 0;
	}
	if (w)
		return loop_modify(&w->source, events) == 0 ? 0 : -1;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -1;
	w->https = https;
	if (loop_add(https->loop, &w->source, fd, events, on_socket) != 0) {
		free(w);
		return -1;
	}
	(void)curl_multi_assign(https->multi, fd, w);
	return 0;
}

static void on_timer(struct loop_timer *timer)
{
	struct https *https = (struct https *)((char *)timer - offsetof(struct https, timer));
	int running;

	(void)curl_multi_socket_action(https->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(https);
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
	struct https *https = arg;

	loop_timer_cancel(&https->timer);
	if (ms < 0)
		return 0;
	return loop_timer_set(https->loop, &https->timer, (uint64_t)ms * CLOCK_NS_PER_MS,
	                      on_timer) == 0
	               ? 0
	               : -1;
}

/* ---- opening ----------------------------------------------------------------------------- */

static bool is_host(const char *address)
{
	return address[0] && strlen(address) < HTTPS_ADDRESS_MAX &&
	       strspn(address,
	              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:") ==
	               strlen(address);
}

static int prepare_multi(struct https *https)
{
	CURLM *m = https->multi;
	CURLMcode rc = CURLM_OK;

	if (!m)
		return SL_ENOMEM;
	rc |= curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, watch);
	rc |= curl_multi_setopt(m, CURLMOPT_SOCKETDATA, https);
	rc |= curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, set_timer);
	rc |= curl_multi_setopt(m, CURLMOPT_TIMERDATA, https);
	rc |= curl_multi_setopt(m, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_MAX);
	return rc == CURLM_OK ? 0 : SL_EUNSUPPORTED;
}

int https_open(struct loop *loop, const struct https_peer *peer, struct https **ret_https)
{
	struct https *https;
	int rc;

	if (!is_host(peer->address))
		return SL_EINVAL;
	https = calloc(1, sizeof(*https));
	if (!https)
		return SL_ENOMEM;
	https->loop = loop;
	(void)snprintf(https->base, sizeof(https->base),
	               strchr(peer->address, ':') ? "https://[%s]:%u" : "https://%s:%u",
	               peer->address, peer->port);
	memcpy(https->pin, peer->pin, sizeof(https->pin));
	if (peer->certificate && peer->key) {
		(void)X509_up_ref(peer->certificate);
		(void)EVP_PKEY_up_ref(peer->key);
		https->certificate = peer->certificate;
		https->key = peer->key;
	}
	https->multi = curl_multi_init();
	rc = prepare_multi(https);
	if (rc == 0)
		*ret_https = https;
	else
		https_close(https);
	return rc;
}

static void destroy(struct https *https)
{
	(void)curl_multi_cleanup(https->multi);
	loop_timer_cancel(&https->timer);
	X509_free(https->certificate);
	EVP_PKEY_free(https->key);
	free(https);
}

void https_close(struct https *https)
{
	if (!https)
		return;
	while (https->calls)
		https_cancel(https->calls);
	if (https->busy)
		https->closed = true;
	else
		destroy(https);
}

/* ---- a call ------------------------------------------------------------------------------ */

static size_t take_body(char *data, size_t size, size_t count, void *arg)
{
	struct https_call *call = arg;

	call->too_long = buf_add(&call->answer, data, size * count) != 0;
	return call->too_long ? 0 : size * count;
}

static CURLcode set_what(struct https_call *call, const struct https_request *request,
                         const char *url)
{
	CURL *c = call->curl;
	CURLcode rc = curl_easy_setopt(c, CURLOPT_URL, url);

	rc |= curl_easy_setopt(c, CURLOPT_TIMEOUT, (long)request->timeout_s);
	rc |= curl_easy_setopt(c, CURLOPT_FRESH_CONNECT, (long)request->fresh);
	rc |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
	rc |= curl_easy_setopt(c, CURLOPT_WRITEDATA, call);
	rc |= curl_easy_setopt(c, CURLOPT_PRIVATE, call);
	rc |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, call->headers);
	if (call->body) {
		rc |= curl_easy_setopt(c, CURLOPT_POST, 1L);
		rc |= curl_easy_setopt(c, CURLOPT_POSTFIELDS, call->body);
		rc |= curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
	}
	return rc;
}

static CURLcode set_trust(struct https_call *call)
{
	CURL *c = call->curl;
	CURLcode rc = curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https");

	rc |= curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 0L);
	rc |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_PROXY, "");
	rc |= curl_easy_setopt(c, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	rc |= curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)HTTPS_CONNECT_S);
	rc |= curl_easy_setopt(c, CURLOPT_USERAGENT, "tpsd/" SLUICE_VERSION);
	rc |= curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* A session that is resumed shows no certificate. */
	rc |= curl_easy_setopt(c, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	rc |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L);
	rc |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 0L); /* the pin is who it is */
	rc |= curl_easy_setopt(c, CURLOPT_CAINFO, NULL);
	rc |= curl_easy_setopt(c, CURLOPT_CAPATH, NULL);
	rc |= curl_easy_setopt(c, CURLOPT_SSL_CTX_FUNCTION, with_context);
	rc |= curl_easy_setopt(c, CURLOPT_SSL_CTX_DATA, call);
	return rc;
}

static void free_call(struct https_call *call)
{
	curl_easy_cleanup(call->curl);
	curl_slist_free_all(call->headers);
	if (call->body)
		OPENSSL_cleanse(call->body, call->body_len);
	free(call->body);
	if (call->answer.data)
		OPENSSL_cleanse(call->answer.data, call->answer.size);
	buf_fini(&call->answer);
	free(call);
}

static int prepare_call(struct https_call *call, const struct https_request *request)
{
	char url[HTTPS_ADDRESS_MAX + 32 + HTTPS_PATH_MAX], type[80];

	call->curl = curl_easy_init();
	call->headers = curl_slist_append(NULL, "Expect:");
	if (call->headers && request->body) {
		(void)snprintf(type, sizeof(type), "Content-Type: %s",
		               request->type ? request->type : "application/json");
		(void)curl_slist_append(call->headers, type);
	}
	if (request->body) {
		call->body = malloc(request->len + 1);
		call->body_len = request->len;
	}
	if (!call->curl || !call->headers || (request->body && !call->body))
		return SL_ENOMEM;
	if (request->body)
		memcpy(call->body, request->body, request->len);
	(void)snprintf(url, sizeof(url), "%s%s", call->https->base, request->path);
	if ((set_what(call, request, url) | set_trust(call)) != CURLE_OK)
		return SL_EUNSUPPORTED;
	return 0;
}

int https_start(struct https *https, const struct https_request *request, https_done_fn *fn,
                void *arg, struct https_call **ret_call)
{
	struct https_call *call = calloc(1, sizeof(*call));
	int rc;

	if (!call)
		return SL_ENOMEM;
	call->https = https;
	call->fresh = request->fresh;
	call->until_ns = clock_now_ns() + request->timeout_s * CLOCK_NS_PER_S;
	call->fn = fn;
	call->arg = arg;
	buf_init(&call->answer, request->answer_max);
	rc = prepare_call(call, request);
	if (rc == 0 && curl_multi_add_handle(https->multi, call->curl) != CURLM_OK)
		rc = SL_ENOMEM;
	if (rc != 0) {
		free_call(call);
		return rc;
	}
	call->next = https->calls;
	call->at = &https->calls;
	if (call->next)
		call->next->at = &call->next;
	https->calls = call;
	*ret_call = call;
	return 0;
}

static void take_off(struct https_call *call)
{
	loop_timer_cancel(&call->again);
	*call->at = call->next;
	if (call->next)
		call->next->at = call->at;
	(void)curl_multi_remove_handle(call->https->multi, call->curl);
}

void https_cancel(struct https_call *call)
{
	if (!call)
		return;
	take_off(call);
	free_call(call);
}

static void judge(const struct https_call *call, CURLcode code, struct https_answer *answer)
{
	const char *why = curl_easy_strerror(code);

	if (code == CURLE_OK)
		answer->status = 0;
	else if (call->untrusted)
		answer->status = SL_EREFUSED;
	else if (call->too_long)
		answer->status = SL_ELIMIT;
	else
		answer->status = code == CURLE_OPERATION_TIMEDOUT ? SL_ETIMEOUT : SL_ECLOSED;
	if (call->untrusted)
		why = "its certificate is not of the SMS that the token names";
	else if (call->too_long)
		why = "its answer is too long";
	if (code != CURLE_OK)
		(void)snprintf(answer->why, sizeof(answer->why), "%s: %s", call->https->base + 8,
		               why);
}

/* ---- a server that is busy ---------------------------------------------------------------- */

static void end(struct https_call *call, CURLcode code);

static void on_again(struct loop_timer *timer)
{
	struct https_call *call =
	        (struct https_call *)(void *)((char *)timer - offsetof(struct https_call, again));
	uint64_t now_ns = clock_now_ns(),
	         left_ms =
	                 call->until_ns > now_ns ? (call->until_ns - now_ns) / CLOCK_NS_PER_MS : 0;

	call->answer.len = 0;
	if (left_ms == 0)
		end(call, CURLE_OPERATION_TIMEDOUT);
	else if (curl_easy_setopt(call->curl, CURLOPT_TIMEOUT_MS, (long)left_ms) != CURLE_OK ||
	         curl_multi_add_handle(call->https->multi, call->curl) != CURLM_OK)
		end(call, CURLE_OUT_OF_MEMORY);
}

/* 503 with a time: asked again then, each device at another moment. Who asked hears of it only when
 * his own time would be over: what a busy server defers has not failed, and is not begun anew. */
static bool is_deferred(struct https_call *call, const struct https_answer *answer)
{
	uint64_t wait_ns = answer->retry_after_s * CLOCK_NS_PER_S;
	uint16_t random = 0;

	if (answer->status != 0 || answer->http != HTTP_BUSY || wait_ns == 0 || call->fresh)
		return false;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) == sizeof(random))
		wait_ns += wait_ns * random / UINT16_MAX;
	if (clock_now_ns() + wait_ns >= call->until_ns)
		return false;
	(void)curl_multi_remove_handle(call->https->multi, call->curl);
	return loop_timer_set(call->https->loop, &call->again, wait_ns, on_again) == 0;
}

static void end(struct https_call *call, CURLcode code)
{
	struct https_answer answer = {.status = 0};
	curl_off_t retry_after_s = 0;

	(void)curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &answer.http);
	(void)curl_easy_getinfo(call->curl, CURLINFO_RETRY_AFTER, &retry_after_s);
	if (retry_after_s > 0)
		answer.retry_after_s = (unsigned)SL_MIN(retry_after_s, (curl_off_t)UINT16_MAX);
	judge(call, code, &answer);
	if (is_deferred(call, &answer))
		return;
	take_off(call);
	answer.data = call->answer.data ? call->answer.data : (const uint8_t *)"";
	answer.len = call->answer.len;
	call->fn(call->arg, &answer);
	free_call(call);
}

static void collect(struct https *https)
{
	CURLMsg *msg;
	int left;

	if (https->busy)
		return;
	https->busy = true;
	while (!https->closed && (msg = curl_multi_info_read(https->multi, &left))) {
		struct https_call *call = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&call);
		if (call)
			end(call, msg->data.result);
	}
	https->busy = false;
	if (https->closed)
		destroy(https);
}
