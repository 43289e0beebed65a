/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshakes whose private key is elsewhere: every version, both key types, TLS_RSA; several at
 * once while the keys answer late; a cancelled one.
 */
#include "tpsd/tls/keyprov.h"

#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tests/unit/tpsd/fixture.h"
#include "tpsd/tls/tls_leg.h"

enum { PAIRS = 20 };

static struct env {
	struct loop *loop;
	struct keystore *ks;
	struct fixture_backend backend;
	struct keyprov *kp;
	struct flight *flight;
	struct fixture_cert certs[2];
	struct tls_certificate tls[2];
	struct tls_selection all;
} env;

/* A box's client leg and a client of OpenSSL's, joined by a socket pair. */
struct pair {
	struct leg leg;
	SSL *client;
	int fds[2];
	bool woken;
	int status; /* of the leg: SL_EAGAIN while it runs */
	uint64_t done_ns;
};

static int setup(void **state)
{
	struct config_tls_side side = {.protocols = ~0u,
	                               .key_exchange = ~0u,
	                               .authentication = ~0u,
	                               .bulk = ~0u,
	                               .mac = ~0u};
	struct tls_capability cap;

	side.protocols = CONFIG_BIT(CONFIG_TLS1_0) | CONFIG_BIT(CONFIG_TLS1_1) |
	                 CONFIG_BIT(CONFIG_TLS1_2) | CONFIG_BIT(CONFIG_TLS1_3);
	env.loop = loop_create();
	env.ks = keystore_create();
	env.flight = flight_create();
	assert_non_null(env.flight);
	fixture_backend_init(&env.backend, env.loop, env.ks, 50);
	assert_int_equal(keyprov_create(&env.backend.backend, &env.kp), 0);
	for (int i = 0; i < 2; i++) {
		fixture_cert_make(&env.certs[i], i ? FIXTURE_EC : FIXTURE_RSA, "DNS:a.test", NULL);
		fixture_tls_certificate(&env.tls[i], env.kp, env.ks, &env.certs[i]);
	}
	assert_int_equal(tls_capability_probe(&cap), 0);
	return tls_select(&side, &cap, &env.all);
}

static int teardown(void **state)
{
	for (int i = 0; i < 2; i++) {
		tls_certificate_fini(&env.tls[i]);
		fixture_cert_free(&env.certs[i]);
	}
	keyprov_destroy(env.kp);
	flight_destroy(env.flight);
	keystore_destroy(env.ks);
	loop_destroy(env.loop);
	return 0;
}

static void wake(void *arg)
{
	struct pair *p = arg;

	p->woken = true;
}

static void pair_open(struct pair *p, SSL_CTX *server, SSL_CTX *client)
{
	uint8_t binding[TLS_BINDING_LEN] = {1};

	*p = (struct pair){.status = SL_EAGAIN, .woken = true};
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p->fds), 0);
	p->leg.side = LEG_CLIENT;
	p->leg.fd = p->fds[0];
	assert_int_equal(tls_leg_open_client(&p->leg, server, env.flight, env.kp, NULL, binding,
	                                     NULL, 0, wake, p),
	                 0);
	p->client = SSL_new(client);
	SSL_set_fd(p->client, p->fds[1]);
	SSL_set_connect_state(p->client);
}

static void pair_close(struct pair *p)
{
	if (p->leg.ops)
		p->leg.ops->fini(&p->leg);
	SSL_free(p->client);
	close(p->fds[0]);
	close(p->fds[1]);
}

/* One turn of each side; the leg is not entered while it waits for the key. */
static void pair_step(struct pair *p)
{
	if (p->status != SL_EAGAIN)
		return;
	(void)SSL_do_handshake(p->client);
	ERR_clear_error();
	if (p->leg.wants == LEG_WANTS_KEY && !p->woken)
		return;
	p->woken = false;
	p->status = p->leg.ops->handshake(&p->leg);
	p->done_ns = clock_now_ns();
}

static void stop_loop(struct loop_timer *timer)
{
	loop_stop(timer->loop);
}

static void turn_loop(unsigned ms)
{
	struct loop_timer timer = {0};

	assert_int_equal(loop_timer_set(env.loop, &timer, ms * CLOCK_NS_PER_MS, stop_loop), 0);
	assert_int_equal(loop_run(env.loop), 0);
}

static void run_pairs(struct pair *pairs, size_t n)
{
	for (int round = 0; round < 500; round++) {
		size_t left = 0;

		for (size_t i = 0; i < n; i++) {
			pair_step(&pairs[i]);
			left += pairs[i].status == SL_EAGAIN;
		}
		if (left == 0)
			return;
		turn_loop(1);
	}
}

static SSL_CTX *make_server(int cert)
{
	const struct tls_certificate *both[] = {&env.tls[0], &env.tls[1]};
	struct tls_context_options o = {.selection = &env.all};
	SSL_CTX *ctx = NULL;

	assert_int_equal(tls_context_create_client_side(&o, cert < 0 ? both : &both[cert],
	                                                cert < 0 ? 2 : 1, &ctx),
	                 0);
	return ctx;
}

static SSL_CTX *make_client(int version, const char *list)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	SSL_CTX_set_security_level(ctx, 0);
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	if (version < TLS1_3_VERSION)
		assert_int_equal(SSL_CTX_set_cipher_list(ctx, list), 1);
	return ctx;
}

static void try_one(int cert, int version, const char *list)
{
	SSL_CTX *server = make_server(cert), *client = make_client(version, list);
	char text[64];
	size_t n = 0;
	struct pair p;

	env.backend.delay_ms = 0;
	pair_open(&p, server, client);
	run_pairs(&p, 1);
	if (p.status != 0)
		print_error("cert %d version %x list %s: reason %d\n", cert, version, list,
		            p.leg.reason);
	assert_int_equal(p.status, 0);
	assert_int_equal(SSL_do_handshake(p.client), 1);
	assert_int_equal(SSL_version(p.client), version);
	assert_int_equal(SSL_write(p.client, "hello", 5), 5);
	assert_int_equal(p.leg.ops->read(&p.leg, (uint8_t *)text, sizeof(text), &n), 0);
	assert_int_equal(n, 5);
	pair_close(&p);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
}

static void every_version_and_key_type_signs_from_afar(void **state)
{
	unsigned before = env.backend.answered;

	try_one(0, TLS1_VERSION, "ECDHE-RSA-AES128-SHA");
	try_one(0, TLS1_1_VERSION, "ECDHE-RSA-AES256-SHA");
	try_one(0, TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256");
	try_one(0, TLS1_3_VERSION, "");
	try_one(1, TLS1_VERSION, "ECDHE-ECDSA-AES128-SHA");
	try_one(1, TLS1_1_VERSION, "ECDHE-ECDSA-AES256-SHA");
	try_one(1, TLS1_2_VERSION, "ECDHE-ECDSA-CHACHA20-POLY1305");
	try_one(1, TLS1_3_VERSION, "");
	try_one(-1, TLS1_3_VERSION, "");
	try_one(-1, TLS1_2_VERSION, "ECDHE-RSA-AES128-GCM-SHA256");
	assert_int_equal(env.backend.answered, before + 10);
}

static void tls_rsa_decrypts_from_afar(void **state)
{
	try_one(0, TLS1_VERSION, "AES128-SHA");
	try_one(0, TLS1_1_VERSION, "AES256-SHA");
	try_one(0, TLS1_2_VERSION, "AES128-GCM-SHA256");
	try_one(-1, TLS1_2_VERSION, "AES256-SHA256");
}

static void signature_algorithms_are_the_clients_choice(void **state)
{
	static const char *const algs[] = {"RSA+SHA256", "rsa_pss_rsae_sha256", "RSA+SHA512",
	                                   "rsa_pss_rsae_sha384", "ECDSA+SHA256"};

	for (size_t i = 0; i < SL_ARRAY_LEN(algs); i++) {
		SSL_CTX *server = make_server(-1);
		SSL_CTX *client = make_client(TLS1_2_VERSION, "ECDHE");
		struct pair p;

		assert_int_equal(SSL_CTX_set1_sigalgs_list(client, algs[i]), 1);
		pair_open(&p, server, client);
		run_pairs(&p, 1);
		assert_int_equal(p.status, 0);
		pair_close(&p);
		SSL_CTX_free(server);
		SSL_CTX_free(client);
	}
}

static void late_keys_hold_up_nobody_else(void **state)
{
	SSL_CTX *server = make_server(1), *client = make_client(TLS1_3_VERSION, "");
	uint64_t begin = clock_now_ns();
	struct pair pairs[PAIRS];

	env.backend.delay_ms = 50;
	for (size_t i = 0; i < PAIRS; i++)
		pair_open(&pairs[i], server, client);
	run_pairs(pairs, PAIRS);
	for (size_t i = 0; i < PAIRS; i++) {
		assert_int_equal(pairs[i].status, 0);
		assert_true(pairs[i].done_ns - begin >= 50 * CLOCK_NS_PER_MS);
		/* One after the other they would take PAIRS times 50 ms. */
		assert_true(pairs[i].done_ns - begin < PAIRS / 2 * 50 * CLOCK_NS_PER_MS);
		pair_close(&pairs[i]);
	}
	SSL_CTX_free(server);
	SSL_CTX_free(client);
}

static void a_session_may_end_while_its_key_is_asked(void **state)
{
	SSL_CTX *server = make_server(0), *client = make_client(TLS1_3_VERSION, "");
	unsigned cancelled = env.backend.cancelled;
	struct pair p;

	env.backend.delay_ms = 1000;
	pair_open(&p, server, client);
	for (int i = 0; i < 5; i++)
		pair_step(&p);
	assert_int_equal(p.leg.wants, LEG_WANTS_KEY);
	pair_close(&p);
	assert_int_equal(env.backend.cancelled, cancelled + 1);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
}

static void keys_that_are_away_fail_the_handshake_with_their_reason(void **state)
{
	SSL_CTX *server = make_server(0), *client = make_client(TLS1_2_VERSION, "ECDHE");
	struct pair p;

	env.backend.refuse = SL_ECLOSED;
	pair_open(&p, server, client);
	run_pairs(&p, 1);
	assert_int_equal(p.status, SL_ECRYPTO);
	assert_int_equal(p.leg.reason, REASON_KEYS_UNAVAILABLE);
	env.backend.refuse = 0;
	pair_close(&p);
	SSL_CTX_free(server);
	SSL_CTX_free(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(every_version_and_key_type_signs_from_afar),
	        cmocka_unit_test(tls_rsa_decrypts_from_afar),
	        cmocka_unit_test(signature_algorithms_are_the_clients_choice),
	        cmocka_unit_test(late_keys_hold_up_nobody_else),
	        cmocka_unit_test(a_session_may_end_while_its_key_is_asked),
	        cmocka_unit_test(keys_that_are_away_fail_the_handshake_with_their_reason),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
