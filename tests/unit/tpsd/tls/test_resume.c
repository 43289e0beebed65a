/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions with servers as bytes: they resume, hold no certificate, are bounded, and are small. */
#include "tpsd/tls/resume.h"

#include <malloc.h>

#include "tests/unit/tpsd/fixture.h"

enum { SESSIONS_MAX = 3 };

static struct env {
	struct fixture_cert cert;
	SSL_CTX *client_ctx, *server_ctx;
	struct resume_cache *cache;
	SSL_SESSION *made; /* by the last handshake; TLS 1.3: its last ticket */
} env;

static int keep_made(SSL *ssl, SSL_SESSION *session)
{
	SSL_SESSION_free(env.made);
	env.made = session;
	return 1; /* the reference is ours */
}

static int open_env(void **state)
{
	fixture_cert_make(&env.cert, FIXTURE_EC, "DNS:a.test", NULL);
	env.client_ctx = SSL_CTX_new(TLS_client_method());
	env.server_ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_session_cache_mode(env.client_ctx,
	                               SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(env.client_ctx, keep_made);
	assert_int_equal(SSL_CTX_use_certificate(env.server_ctx, env.cert.leaf), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(env.server_ctx, env.cert.key), 1);
	env.cache = resume_create(SESSIONS_MAX);
	assert_non_null(env.cache);
	return 0;
}

static int close_env(void **state)
{
	SSL_SESSION_free(env.made);
	env.made = NULL;
	resume_destroy(env.cache);
	SSL_CTX_free(env.client_ctx);
	SSL_CTX_free(env.server_ctx);
	fixture_cert_free(&env.cert);
	return 0;
}

/* A handshake in memory up to its end on both sides, a byte of the server with it, so that its
 * tickets are there. Whether it resumed; the session that came of it is env.made. */
static bool connect_once(SSL_SESSION *session)
{
	SSL *client = SSL_new(env.client_ctx), *server = SSL_new(env.server_ctx);
	bool resumed;
	char byte = 0;
	BIO *a, *b;

	assert_int_equal(BIO_new_bio_pair(&a, 0, &b, 0), 1);
	SSL_set_bio(client, a, a);
	SSL_set_bio(server, b, b);
	if (session)
		assert_int_equal(SSL_set_session(client, session), 1);
	for (int i = 0; i < 10; i++) {
		(void)SSL_connect(client);
		(void)SSL_accept(server);
	}
	assert_true(SSL_is_init_finished(client) && SSL_is_init_finished(server));
	assert_int_equal(SSL_write(server, "x", 1), 1);
	assert_int_equal(SSL_read(client, &byte, 1), 1);
	assert_non_null(env.made);
	resumed = SSL_session_reused(client);
	SSL_set_shutdown(client, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_set_shutdown(server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(client);
	SSL_free(server);
	return resumed;
}

static void use_version(int version)
{
	SSL_CTX_set_min_proto_version(env.client_ctx, version);
	SSL_CTX_set_max_proto_version(env.client_ctx, version);
}

static const uint8_t *key(unsigned n)
{
	static uint8_t bytes[RESUME_KEY_LEN];

	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, &n, sizeof(n));
	return bytes;
}

static void put(unsigned n, struct resume_leaf *leaf)
{
	const struct tls_verified verified = {.chain_trusted = true, .fault = (uint8_t)n};

	resume_put(env.cache, key(n), env.made, &verified, leaf);
}

static SSL_SESSION *get(unsigned n, struct tls_verified *ret)
{
	struct resume_leaf *leaf = NULL;
	SSL_SESSION *session = resume_get(env.cache, key(n), ret, &leaf);

	resume_leaf_put(leaf);
	return session;
}

static bool has(unsigned n)
{
	struct tls_verified v;
	SSL_SESSION *session = get(n, &v);

	SSL_SESSION_free(session);
	return session != NULL;
}

static void try_resuming(int version)
{
	struct tls_verified v = {.fault = 0};
	SSL_SESSION *session;

	use_version(version);
	assert_false(connect_once(NULL));
	put(7, NULL);
	for (int i = 0; i < 3; i++) { /* a TLS 1.3 session is not used up by the first */
		session = get(7, &v);
		assert_non_null(session);
		assert_int_equal(SSL_SESSION_get_protocol_version(session), version);
		assert_true(connect_once(session));
		SSL_SESSION_free(session);
	}
	assert_true(v.chain_trusted);
	assert_int_equal(v.fault, 7);
	resume_drop(env.cache, key(7));
	assert_false(has(7));
}

static void what_is_kept_resumes_again_and_again(void **state)
{
	try_resuming(TLS1_2_VERSION);
	try_resuming(TLS1_3_VERSION);
	SSL_CTX_set_options(env.server_ctx, SSL_OP_NO_TICKET); /* by session id */
	try_resuming(TLS1_2_VERSION);
}

/* The server's next ticket, of a session that has no certificate any more. */
static void what_came_of_a_resumed_session_resumes_too(void **state)
{
	struct tls_verified v;
	SSL_SESSION *session;

	assert_false(connect_once(NULL));
	for (int i = 0; i < 3; i++) {
		put(1, NULL);
		session = get(1, &v);
		assert_true(connect_once(session));
		SSL_SESSION_free(session);
	}
}

static void the_certificate_is_kept_beside_the_session_when_it_is_wanted(void **state)
{
	struct resume_leaf *leaf, *kept = NULL;
	struct tls_verified v;
	SSL_SESSION *session;
	X509 *x;

	assert_false(connect_once(NULL));
	assert_non_null(SSL_SESSION_get0_peer(env.made));
	leaf = resume_leaf_create(SSL_SESSION_get0_peer(env.made));
	assert_non_null(leaf);
	put(1, leaf);
	resume_leaf_put(leaf);
	session = resume_get(env.cache, key(1), &v, &kept);
	assert_null(SSL_SESSION_get0_peer(session));
	SSL_SESSION_free(session);
	assert_ptr_equal(kept, leaf);
	resume_drop(env.cache, key(1)); /* who got the leaf has it still */
	x = resume_leaf_parse(kept);
	assert_int_equal(X509_cmp(x, env.cert.leaf), 0);
	X509_free(x);
	resume_leaf_put(kept);
	put(2, NULL);
	kept = NULL;
	session = resume_get(env.cache, key(2), &v, &kept);
	assert_null(kept);
	SSL_SESSION_free(session);
}

static void what_cannot_be_resumed_is_not_kept(void **state)
{
	assert_false(connect_once(NULL));
	put(1, NULL);
	SSL_SESSION_free(env.made);
	env.made = SSL_SESSION_new(); /* no id and no ticket */
	put(1, NULL);
	assert_int_equal(resume_count(env.cache), 0);
	assert_int_equal(resume_bytes(env.cache), 0);
}

static void the_one_used_longest_ago_goes(void **state)
{
	assert_false(connect_once(NULL));
	for (unsigned n = 1; n <= SESSIONS_MAX; n++)
		put(n, NULL);
	assert_true(has(1)); /* 2 is the oldest now */
	put(4, NULL);
	assert_int_equal(resume_count(env.cache), SESSIONS_MAX);
	assert_true(has(1));
	assert_false(has(2));
	assert_true(has(4));
	resume_destroy(env.cache);
	env.cache = resume_create(0);
	put(1, NULL);
	assert_int_equal(resume_count(env.cache), 0);
}

/* `len` names of 200 bytes: more than one leaf may have of the bytes of all. */
static struct resume_leaf *large_leaf(size_t len)
{
	struct resume_leaf *leaf = NULL;
	struct fixture_cert c;
	char names[RESUME_PART_MAX + 512] = "";
	size_t at = 0;

	while (at < len)
		at += (size_t)snprintf(names + at, sizeof(names) - at,
		                       "%sDNS:%060zu.%060zu.%060zu.test", at ? "," : "", at, at,
		                       at);
	fixture_cert_make(&c, FIXTURE_EC, names, NULL);
	leaf = resume_leaf_create(c.leaf);
	fixture_cert_free(&c);
	return leaf;
}

static void large_certificates_do_not_grow_the_cache(void **state)
{
	struct resume_leaf *leaf = large_leaf(SESSIONS_MAX * RESUME_BYTES_EACH / 2);

	assert_non_null(leaf);
	assert_false(connect_once(NULL));
	put(1, leaf);
	assert_int_equal(resume_count(env.cache), 1);
	put(2, leaf);
	assert_int_equal(resume_count(env.cache), 1);
	assert_true(resume_bytes(env.cache) <= SESSIONS_MAX * RESUME_BYTES_EACH);
	assert_false(has(1));
	assert_true(has(2));
	resume_leaf_put(leaf);
	leaf = large_leaf(SESSIONS_MAX * RESUME_BYTES_EACH); /* for itself more than all may have */
	put(3, leaf);
	assert_int_equal(resume_count(env.cache), 0);
	resume_leaf_put(leaf);
	assert_null(large_leaf(RESUME_PART_MAX));
}

/* Of ours; the server's leaf is here some 400 bytes. */
static void a_session_costs_less_than_two_kilobytes(void **state)
{
	enum { MANY = 500 };
	size_t before, bytes;

	resume_destroy(env.cache);
	env.cache = resume_create(MANY);
	assert_false(connect_once(NULL));
	before = mallinfo2().uordblks;
	for (unsigned n = 0; n < MANY; n++) {
		struct resume_leaf *leaf = resume_leaf_create(env.cert.leaf);

		put(n, leaf);
		resume_leaf_put(leaf);
	}
	bytes = (mallinfo2().uordblks - before) / MANY;
	print_message("bytes a session: %zu\n", bytes);
	assert_in_range(bytes, 0, 2048);
	assert_true(resume_bytes(env.cache) > 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_env, close_env)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        CASE(what_is_kept_resumes_again_and_again),
	        CASE(what_came_of_a_resumed_session_resumes_too),
	        CASE(the_certificate_is_kept_beside_the_session_when_it_is_wanted),
	        CASE(what_cannot_be_resumed_is_not_kept),
	        CASE(the_one_used_longest_ago_goes),
	        CASE(large_certificates_do_not_grow_the_cache),
	        CASE(a_session_costs_less_than_two_kilobytes),
	};

	return RUN_TESTS(tests);
}
