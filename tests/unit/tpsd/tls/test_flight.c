/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a leg's bytes reach its socket: the records of one write together, none lost, none overtaken
 * when the socket is full. The leg is a client of a server of OpenSSL's at the other end of a
 * socket pair; SOCK_SEQPACKET shows what one system call sent.
 */
#include "tpsd/tls/flight.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "tests/unit/tpsd/fixture.h"
#include "tpsd/tls/tls_leg.h"

enum { WHOLE = 64 * 1024, RECORD = 16384, TLS13_OVERHEAD = 22, TURNS = 20, READ_BUFFER = 70000 };

static struct env {
	struct fixture_cert cert;
	struct flight *flight;
	SSL_CTX *leg_ctx, *far_ctx;
	uint8_t data[WHOLE], got[2 * WHOLE];
} env;

struct pair {
	struct leg leg;
	SSL *far;
	int fds[2];
};

static int setup(void **state)
{
	struct config_tls_side side = {.protocols = CONFIG_BIT(CONFIG_TLS1_3 + 1) - 1,
	                               .key_exchange = ~0u,
	                               .authentication = ~0u,
	                               .bulk = ~0u,
	                               .mac = ~0u};
	struct tls_selection all;
	struct tls_context_options o = {.selection = &all, .renegotiation = true};
	struct tls_capability cap;

	env.flight = flight_create();
	assert_non_null(env.flight);
	assert_int_equal(tls_capability_probe(&cap), 0);
	assert_int_equal(tls_select(&side, &cap, &all), 0);
	assert_int_equal(tls_context_create_server_side(&o, &env.leg_ctx), 0);
	fixture_cert_make(&env.cert, FIXTURE_RSA, "DNS:a.test", NULL);
	env.far_ctx = SSL_CTX_new(TLS_server_method());
	SSL_CTX_set_security_level(env.far_ctx, 0);
	SSL_CTX_set_min_proto_version(env.far_ctx, TLS1_VERSION);
	SSL_CTX_use_certificate(env.far_ctx, env.cert.leaf);
	SSL_CTX_use_PrivateKey(env.far_ctx, env.cert.key);
	SSL_CTX_set_read_ahead(env.far_ctx, 1); /* a message of SOCK_SEQPACKET is read whole */
	SSL_CTX_set_default_read_buffer_len(env.far_ctx, READ_BUFFER);
	for (size_t i = 0; i < sizeof(env.data); i++)
		env.data[i] = (uint8_t)(i * 31 >> 3);
	return 0;
}

static int teardown(void **state)
{
	SSL_CTX_free(env.leg_ctx);
	SSL_CTX_free(env.far_ctx);
	fixture_cert_free(&env.cert);
	flight_destroy(env.flight);
	return 0;
}

static void pair_open(struct pair *p, int type, int version)
{
	int rc = SL_EAGAIN;

	*p = (struct pair){.leg.side = LEG_SERVER};
	assert_int_equal(socketpair(AF_UNIX, type | SOCK_NONBLOCK, 0, p->fds), 0);
	p->leg.fd = p->fds[0];
	assert_int_equal(
	        tls_leg_open_server(&p->leg, env.leg_ctx, env.flight, "a.test", NULL, 0, NULL), 0);
	p->far = SSL_new(env.far_ctx);
	SSL_set_max_proto_version(p->far, version);
	SSL_set_fd(p->far, p->fds[1]);
	SSL_set_accept_state(p->far);
	for (int i = 0; i < TURNS && rc == SL_EAGAIN; i++) {
		rc = p->leg.ops->handshake(&p->leg);
		(void)SSL_do_handshake(p->far);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(SSL_do_handshake(p->far), 1);
}

static void pair_close(struct pair *p)
{
	p->leg.ops->fini(&p->leg);
	SSL_free(p->far);
	close(p->fds[0]);
	close(p->fds[1]);
}

/* What the far end can read now, behind `have` bytes; how many there are then. */
static size_t read_far(struct pair *p, size_t have)
{
	size_t n;

	while (have < sizeof(env.got) &&
	       SSL_read_ex(p->far, env.got + have, sizeof(env.got) - have, &n) > 0)
		have += n;
	return have;
}

static void try_whole(int version, size_t records, size_t overhead)
{
	struct pair p;
	size_t n = 0;
	ssize_t message;

	pair_open(&p, SOCK_SEQPACKET, version);
	assert_int_equal(p.leg.ops->write(&p.leg, env.data, WHOLE, &n), 0);
	assert_int_equal(n, WHOLE);
	assert_false(p.leg.unsent);
	message = recv(p.fds[1], env.got, sizeof(env.got), MSG_PEEK);
	if (overhead)
		assert_int_equal(message, WHOLE + records * overhead);
	assert_true(message >= (ssize_t)(WHOLE + records));
	assert_int_equal(read_far(&p, 0), WHOLE);
	assert_memory_equal(env.got, env.data, WHOLE);
	assert_int_equal(recv(p.fds[1], env.got, sizeof(env.got), MSG_PEEK), -1);
	pair_close(&p);
}

static void the_records_of_one_write_leave_with_one_call(void **state)
{
	try_whole(TLS1_3_VERSION, WHOLE / RECORD, TLS13_OVERHEAD);
}

/* TLS 1.0 splits each record in two, and CBC fills up: the most that is around the bytes. */
static void so_do_those_of_the_oldest_version(void **state)
{
	try_whole(TLS1_VERSION, WHOLE / RECORD, 0);
}

/* Fills the socket until some of a write stays with the leg. Returns how much was written. */
static size_t fill(struct pair *p)
{
	int small = 8192;
	size_t n = 0;

	assert_int_equal(setsockopt(p->leg.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
	assert_int_equal(p->leg.ops->write(&p->leg, env.data, WHOLE, &n), 0);
	assert_int_equal(n, WHOLE);
	assert_true(p->leg.unsent);
	return n;
}

static void what_the_socket_does_not_take_follows_in_order(void **state)
{
	struct pair p;
	size_t have = 0, n = 1;
	int rc = SL_EAGAIN;

	pair_open(&p, SOCK_STREAM, TLS1_3_VERSION);
	(void)fill(&p);
	assert_int_equal(p.leg.ops->write(&p.leg, (const uint8_t *)"late", 4, &n), SL_EAGAIN);
	assert_int_equal(n, 0);
	assert_int_equal(p.leg.wants, LEG_WANTS_WRITE);
	for (int i = 0; i < WHOLE && rc == SL_EAGAIN; i++) {
		have = read_far(&p, have);
		rc = p.leg.ops->flush(&p.leg);
	}
	assert_int_equal(rc, 0);
	assert_false(p.leg.unsent);
	have = read_far(&p, have);
	assert_int_equal(have, WHOLE);
	assert_memory_equal(env.got, env.data, WHOLE);
	pair_close(&p);
}

/* OpenSSL writes alerts by itself, past ops->write. */
static void an_alert_does_not_overtake_what_is_unsent(void **state)
{
	struct pair p;
	size_t have = 0;
	int rc = SL_EAGAIN;

	pair_open(&p, SOCK_STREAM, TLS1_3_VERSION);
	(void)fill(&p);
	assert_int_equal(p.leg.ops->shutdown(&p.leg, LEG_CLOSED), SL_EAGAIN);
	for (int i = 0; i < WHOLE && rc == SL_EAGAIN; i++) {
		have = read_far(&p, have);
		rc = p.leg.ops->shutdown(&p.leg, LEG_CLOSED);
	}
	assert_int_equal(rc, 0);
	have = read_far(&p, have);
	assert_int_equal(have, WHOLE);
	assert_memory_equal(env.got, env.data, WHOLE);
	assert_int_equal(SSL_get_shutdown(p.far) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
	pair_close(&p);
}

static void say_and_hear(struct pair *p, char what)
{
	uint8_t byte = 0;
	size_t n = 0;

	assert_int_equal(SSL_write(p->far, &what, 1), 1);
	assert_int_equal(p->leg.ops->read(&p->leg, &byte, 1, &n), 0);
	assert_int_equal(byte, what);
	assert_int_equal(p->leg.ops->write(&p->leg, &byte, 1, &n), 0);
	assert_int_equal(SSL_read(p->far, &byte, 1), 1);
	assert_int_equal(byte, what);
}

/* A key that was dropped belongs to no provider. */
static void assert_dropped(EVP_PKEY *key)
{
	assert_non_null(key);
	assert_null(EVP_PKEY_get0_provider(key));
	EVP_PKEY_free(key);
}

static void try_shares(int version)
{
	EVP_PKEY *own = NULL, *peer = NULL;
	struct pair p;
	uint8_t byte;
	size_t n;
	SSL *ssl;

	pair_open(&p, SOCK_STREAM, version);
	ssl = tls_leg_of(&p.leg)->ssl;
	/* TLS 1.2 drops the client's own by itself. */
	if (SSL_get_tmp_key(ssl, &own) == 1)
		assert_dropped(own);
	assert_int_equal(SSL_get_peer_tmp_key(ssl, &peer), 1);
	assert_dropped(peer);
	say_and_hear(&p, 'a');
	if (version == TLS1_3_VERSION)
		assert_int_equal(SSL_key_update(p.far, SSL_KEY_UPDATE_REQUESTED), 1);
	else
		assert_int_equal(SSL_renegotiate(p.far), 1);
	for (int i = 0; i < TURNS; i++) {
		(void)SSL_do_handshake(p.far);
		assert_int_equal(p.leg.ops->read(&p.leg, &byte, 1, &n), SL_EAGAIN);
		assert_int_equal(SSL_read(p.far, &byte, 1), -1);
	}
	if (version != TLS1_3_VERSION)
		assert_int_equal(SSL_total_renegotiations(p.far), 1);
	say_and_hear(&p, 'b');
	pair_close(&p);
}

/* What was agreed on with it outlives it: new keys can be made, by either way there is. */
static void no_ephemeral_key_outlives_the_handshake(void **state)
{
	try_shares(TLS1_3_VERSION);
	try_shares(TLS1_2_VERSION);
}

static void a_socket_that_is_gone_ends_the_leg(void **state)
{
	struct pair p;
	size_t n = 0;

	pair_open(&p, SOCK_STREAM, TLS1_3_VERSION);
	close(p.fds[1]);
	p.fds[1] = -1;
	assert_int_equal(p.leg.ops->write(&p.leg, env.data, RECORD, &n), SL_EEOF);
	assert_int_equal(p.leg.end, LEG_RESET);
	assert_int_equal(p.leg.reason, REASON_SERVER_RESET);
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(the_records_of_one_write_leave_with_one_call),
	        cmocka_unit_test(so_do_those_of_the_oldest_version),
	        cmocka_unit_test(what_the_socket_does_not_take_follows_in_order),
	        cmocka_unit_test(an_alert_does_not_overtake_what_is_unsent),
	        cmocka_unit_test(no_ephemeral_key_outlives_the_handshake),
	        cmocka_unit_test(a_socket_that_is_gone_ends_the_leg),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
