/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions and settings: incomplete ClientHellos, bypass by class before and after the take,
 * observe, limits, panic, time limits, the server's certificate, ALPN, renegotiation.
 */
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "tests/unit/tpsd/session/box.h"

static struct box box;
static const struct host_filter everything;

static int open_box(void **state)
{
	box_open(&box, NULL);
	return 0;
}

static int close_box(void **state)
{
	box_close(&box);
	return 0;
}

/* Each test begins with the plain document and without sessions. */
static int begin(void **state)
{
	(void)host_clear(box.host, &everything);
	box_configure(&box, NULL);
	host_pause(box.host, false);
	host_set_exceptions(box.host, NULL, 0);
	assert_non_null(box.setup);
	return 0;
}

static bool ended(struct box_pair *p)
{
	return box_has_ended(p);
}

static void configure(const char *from, const char *to)
{
	const char *const settings[] = {from, to, NULL};

	box_configure(&box, settings);
	assert_non_null(box.setup);
}

#define PROXY_END "    logging: true\n"

/* The bytes of a client's first flight, and the flow that `wire` would make of them. */
static size_t first_flight(uint8_t *out, size_t size)
{
	BIO *in = BIO_new(BIO_s_mem()), *net = BIO_new(BIO_s_mem());
	SSL *ssl = SSL_new(box.client_ctx);
	int len;

	SSL_set_tlsext_host_name(ssl, "a.test");
	SSL_set_bio(ssl, in, net);
	SSL_set_connect_state(ssl);
	SSL_do_handshake(ssl);
	len = BIO_read(net, out, (int)size);
	SSL_free(ssl);
	ERR_clear_error();
	return (size_t)len;
}

static void ask(struct box_pair *p, const uint8_t *bytes, size_t len, uint8_t flags)
{
	struct ipc_hello hello = {
	        .flow = p->flow, .client_port = 1, .server_port = 443, .flags = flags};

	assert_int_equal(addr_parse("192.0.2.1", &hello.client), 0);
	assert_int_equal(addr_parse("10.0.0.2", &hello.server), 0);
	hello.bytes = (struct ipc_bytes){bytes, (uint32_t)len};
	box.pairs = p;
	box.npairs = 1;
	p->answered = false;
	host_hello(box.host, &hello);
	assert_true(p->answered);
}

static void a_part_of_a_hello_asks_for_more_and_its_end_is_an_error(void **state)
{
	struct box_pair p = {.flow = 1u << 20};
	uint8_t bytes[2048];
	size_t len = first_flight(bytes, sizeof(bytes));

	ask(&p, bytes, len / 2, 0);
	assert_int_equal(p.action, IPC_MORE);
	ask(&p, bytes, len / 2, IPC_HELLO_FIN);
	assert_int_equal(p.action, IPC_DROP);
	assert_int_equal(p.reason, REASON_INCOMPLETE_HELLO);
	ask(&p, bytes, 0, IPC_HELLO_SILENT);
	assert_int_equal(p.reason, REASON_NO_HANDSHAKE);
	ask(&p, (const uint8_t *)"220 hi", 6, IPC_HELLO_SERVER_FIRST);
	assert_int_equal(p.reason, REASON_SERVER_FIRST);
	bytes[9] ^= 0x55; /* the version */
	bytes[43] = 0xff; /* the length of the session id */
	ask(&p, bytes, len, 0);
	assert_int_equal(p.action, IPC_DROP);
	assert_int_equal(p.reason, REASON_HELLO_MALFORMED);
	assert_int_equal(host_sessions(box.host), 0);
}

/* One of 8 KiB, by the length that it begins with. */
static void a_hello_past_its_limit_is_refused_before_it_is_whole(void **state)
{
	static const uint8_t begins[] = {22, 3, 1, 0x20, 0, 1, 0, 0x1f, 0xfc};
	struct box_pair p = {.flow = 1u << 20};

	ask(&p, begins, sizeof(begins), 0);
	assert_int_equal(p.action, IPC_MORE);
	configure("ssl_inspection: {server: true}\n",
	          "ssl_inspection: {server: true}\nlimits: {hello_size: 4KiB}\n");
	ask(&p, begins, sizeof(begins), 0);
	assert_int_equal(p.action, IPC_DROP);
	assert_int_equal(p.reason, REASON_HELLO_MALFORMED);
}

/* GREASE of encrypted_client_hello, as browsers send it: an outer one with made-up bytes. */
static int add_ech(SSL *ssl, unsigned type, unsigned context, const unsigned char **out,
                   size_t *outlen, X509 *x, size_t index, int *alert, void *arg)
{
	static const unsigned char grease[] = {0, 0, 1, 0, 1, 7, 0, 0, 0, 2, 1, 2};

	*out = grease;
	*outlen = sizeof(grease);
	return 1;
}

static size_t first_flight_with_ech(uint8_t *out, size_t size)
{
	SSL_CTX *usual = box.client_ctx;
	size_t len;

	box.client_ctx = SSL_CTX_new(TLS_client_method());
	assert_int_equal(SSL_CTX_add_custom_ext(box.client_ctx, 0xfe0d, SSL_EXT_CLIENT_HELLO,
	                                        add_ech, NULL, NULL, NULL, NULL),
	                 1);
	len = first_flight(out, size);
	SSL_CTX_free(box.client_ctx);
	box.client_ctx = usual;
	return len;
}

static void an_encrypted_hello_goes_by_its_outer_name_unless_set_otherwise(void **state)
{
	struct box_pair p = {.flow = 1u << 21};
	uint8_t bytes[2048];
	size_t len = first_flight_with_ech(bytes, sizeof(bytes));

	ask(&p, bytes, len, 0);
	assert_int_equal(p.action, IPC_TAKE);
	host_gone(box.host, p.flow, REASON_GONE);
	configure(PROXY_END, PROXY_END "    on_failure_class: {ech: bypass}\n");
	ask(&p, bytes, len, 0);
	assert_int_equal(p.action, IPC_FORWARD);
	assert_int_equal(p.reason, REASON_ECH);
	configure(PROXY_END, PROXY_END "    on_failure_class: {ech: block}\n");
	ask(&p, bytes, len, 0);
	assert_int_equal(p.action, IPC_TAKE); /* to be told, and refused */
	assert_int_equal(session_find(box.host, p.flow)->alert_to_client, SSL_AD_HANDSHAKE_FAILURE);
	host_gone(box.host, p.flow, REASON_GONE);
}

static unsigned ticks;

static bool after_a_while(struct box_pair *p)
{
	return ++ticks > 50;
}

static void a_flow_taken_early_is_decided_when_the_rest_comes(void **state)
{
	uint8_t bytes[2048];
	size_t len = first_flight(bytes, sizeof(bytes));
	struct box_pair p;

	box_pair_open(&box, &p, "a.test");
	SSL_free(p.client.ssl);
	p.client.ssl = NULL;
	assert_int_equal(send(p.client.fd, bytes, 10, 0), 10);
	ask(&p, bytes, 10, IPC_HELLO_TIMED_OUT);
	assert_int_equal(p.action, IPC_TAKE);
	host_taken(box.host, p.flow, p.box_fds[0], p.box_fds[1]);
	p.box_fds[0] = p.box_fds[1] = -1;
	for (size_t at = 10; at < len; at += 100) {
		size_t part = SL_MIN(len - at, (size_t)100);

		assert_int_equal(session_find(box.host, p.flow)->step, STEP_HELLO);
		assert_int_equal(send(p.client.fd, bytes + at, part, 0), part);
		ticks = 0;
		box_run(&box, &p, 1, after_a_while);
	}
	assert_string_equal(SSL_get_servername(p.server.ssl, 0), "a.test");
	box_pair_close(&p);
}

/* A RST is sent once: where it is lost, a client that has ended its side would wait for ever. */
static void a_client_that_ended_within_its_hello_gets_a_fin(void **state)
{
	uint8_t bytes[2048];
	struct box_pair p;

	(void)first_flight(bytes, sizeof(bytes));
	box_pair_open(&box, &p, "a.test");
	SSL_free(p.client.ssl);
	p.client.ssl = NULL;
	assert_int_equal(send(p.client.fd, bytes, 10, 0), 10);
	ask(&p, bytes, 10, IPC_HELLO_TIMED_OUT);
	assert_int_equal(p.action, IPC_TAKE);
	host_taken(box.host, p.flow, p.box_fds[0], p.box_fds[1]);
	p.box_fds[0] = p.box_fds[1] = -1;
	assert_int_equal(shutdown(p.client.fd, SHUT_WR), 0);
	box_run(&box, &p, 1, box_has_ended);
	assert_int_equal(p.reason, REASON_INCOMPLETE_HELLO);
	assert_int_equal(recv(p.client.fd, bytes, sizeof(bytes), 0), 0);
	box_pair_close(&p);
}

static bool plain_heard(struct box_pair *p)
{
	uint8_t byte;

	return recv(p->server.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static void what_turns_out_to_be_no_tls_is_spliced_when_bypass_is_set(void **state)
{
	char heard[64] = "";
	struct box_pair p;

	configure(PROXY_END, PROXY_END "    on_failure_class: {not_tls: bypass}\n");
	box_pair_open(&box, &p, NULL);
	SSL_free(p.client.ssl);
	SSL_free(p.server.ssl);
	p.client.ssl = p.server.ssl = NULL;
	assert_int_equal(send(p.client.fd, "\x16", 1, 0), 1);
	ask(&p, (const uint8_t *)"\x16", 1, IPC_HELLO_TIMED_OUT);
	assert_int_equal(p.action, IPC_TAKE);
	host_taken(box.host, p.flow, p.box_fds[0], p.box_fds[1]);
	p.box_fds[0] = p.box_fds[1] = -1;
	assert_int_equal(send(p.client.fd, "no TLS", 6, 0), 6);
	box_run(&box, &p, 1, plain_heard);
	assert_int_equal(recv(p.server.fd, heard, sizeof(heard), 0), 7);
	assert_string_equal(heard, "\x16no TLS");
	assert_int_equal(host_handshakes(box.host), 0);
	close(p.client.fd);
	close(p.server.fd);
	p.client.fd = p.server.fd = -1;
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.reason, REASON_CLEARTEXT);
	box_pair_close(&p);
}

static void observe_excepted_and_paused_flows_are_left_alone(void **state)
{
	const struct host_exception domain = {.kind = HOST_EXCEPT_DOMAIN, .domain = "*.test"};
	const struct host_unlicensed unlicensed = {.inspection = true}, licensed = {0};
	struct box_pair p = {.flow = 1u << 21};
	uint8_t bytes[2048];
	size_t len = first_flight(bytes, sizeof(bytes));

	host_pause(box.host, true);
	ask(&p, bytes, len, 0);
	assert_int_equal(p.action, IPC_FORWARD);
	assert_int_equal(p.reason, REASON_PANIC);
	host_pause(box.host, false);
	host_set_unlicensed(box.host, &unlicensed);
	ask(&p, bytes, len, 0);
	assert_int_equal(p.action, IPC_FORWARD);
	assert_int_equal(p.reason, REASON_LICENCE);
	host_set_unlicensed(box.host, &licensed);
	host_set_exceptions(box.host, &domain, 1);
	ask(&p, bytes, len, 0);
	assert_int_equal(p.reason, REASON_PANIC);
	host_set_exceptions(box.host, NULL, 0);
	configure("{name: web, proxy: web}", "{name: web, proxy: web, state: observe}");
	ask(&p, bytes, len, 0);
	assert_int_equal(p.reason, REASON_OBSERVED);
	configure("{name: web, proxy: web}",
	          "{name: web, proxy: web, source_exceptions: [192.0.2.0/24]}");
	ask(&p, bytes, len, 0);
	assert_int_equal(p.reason, REASON_SOURCE_EXCEPTION);
	assert_int_equal(p.action, IPC_FORWARD);
}

static void limits_act_as_the_class_overload_with_hysteresis(void **state)
{
	uint8_t bytes[2048];
	size_t len = first_flight(bytes, sizeof(bytes));
	struct box_pair p = {.flow = 1u << 22};

	configure("ssl_inspection: {server: true}\n",
	          "ssl_inspection: {server: true}\nlimits: {sessions: 4, sessions_per_source: 4, "
	          "sessions_per_destination: 4, hysteresis_percent: 50}\n");
	for (int i = 0; i < 4; i++, p.flow++) {
		ask(&p, bytes, len, 0);
		assert_int_equal(p.action, IPC_TAKE);
	}
	ask(&p, bytes, len, 0);
	assert_int_equal(p.action, IPC_FORWARD);
	assert_int_equal(p.reason, REASON_OVERLOAD);
	host_gone(box.host, p.flow - 1, REASON_GONE);
	ask(&p, bytes, len, 0);
	assert_int_equal(p.action, IPC_FORWARD); /* three of four: not below the hysteresis yet */
	host_gone(box.host, p.flow - 2, REASON_GONE);
	ask(&p, bytes, len, 0);
	assert_int_equal(p.action, IPC_TAKE);
	host_gone(box.host, p.flow, REASON_GONE);
	host_gone(box.host, p.flow - 3, REASON_GONE);
	host_gone(box.host, p.flow - 4, REASON_GONE);
	assert_int_equal(host_sessions(box.host), 0);
}

static void a_server_with_another_key_is_as_set(void **state)
{
	struct box_pair p;
	uint64_t before = box.counters.values[COUNTER_serverMismatch];

	/* The server shows a-rsa, which this proxy has not. */
	configure("[a-rsa, a-ec, b-ec, c-ec]\n    default_certificate: a-rsa",
	          "[b-ec]\n    default_certificate: b-ec");
	box_pair_open(&box, &p, "b.test");
	box_run(&box, &p, 1, box_is_up);
	assert_true(p.client.up);
	box_pair_close(&p);
	assert_int_equal(box.counters.values[COUNTER_serverMismatch], before + 1);
	(void)host_clear(box.host, &everything);
	configure("[a-rsa, a-ec, b-ec, c-ec]\n    default_certificate: a-rsa",
	          "[b-ec]\n    default_certificate: b-ec\n    on_server_mismatch: block");
	box_pair_open(&box, &p, "b.test");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.reason, REASON_SERVER_MISMATCH);
	box_pair_close(&p);
	/* The server's certificate is its own anchor in the trust store. */
	box_serve(&box, &box.certs[3]);
	configure("[a-rsa, a-ec, b-ec, c-ec]\n    default_certificate: a-rsa",
	          "[b-ec]\n    default_certificate: b-ec\n    on_server_mismatch: block\n"
	          "    server_trust: trust");
	box_pair_open(&box, &p, "b.test");
	SSL_set_cipher_list(p.server.ssl, "ECDHE-ECDSA-AES128-GCM-SHA256");
	SSL_set_max_proto_version(p.server.ssl, TLS1_2_VERSION);
	box_run(&box, &p, 1, box_is_up);
	assert_true(p.client.up);
	box_pair_close(&p);
}

static bool heard(struct box_pair *p)
{
	return p->server.in.len > 0 || p->ended;
}

static int choose_http11(SSL *ssl, const unsigned char **out, unsigned char *outlen,
                         const unsigned char *in, unsigned inlen, void *arg)
{
	unsigned *seen = arg;

	*seen = inlen;
	return SSL_select_next_proto((unsigned char **)out, outlen,
	                             (const unsigned char *)"\x08http/1.1", 9, in,
	                             inlen) == OPENSSL_NPN_NEGOTIATED
	               ? SSL_TLSEXT_ERR_OK
	               : SSL_TLSEXT_ERR_NOACK;
}

static void h2_is_left_out_of_the_offer_and_the_choice_is_the_same(void **state)
{
	const unsigned char *alpn;
	unsigned seen = 0, len;
	struct box_pair p;

	SSL_CTX_set_alpn_select_cb(box.server_ctx, choose_http11, &seen);
	box_pair_open(&box, &p, "a.test");
	SSL_set_alpn_protos(p.client.ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
	box_run(&box, &p, 1, box_is_up);
	assert_int_equal(seen, 9); /* http/1.1 alone */
	SSL_get0_alpn_selected(p.client.ssl, &alpn, &len);
	assert_int_equal(len, 8);
	assert_memory_equal(alpn, "http/1.1", 8);
	box_pair_close(&p);
	configure(PROXY_END, PROXY_END "    downgrade_http2: false\n");
	box_pair_open(&box, &p, "a.test");
	SSL_set_alpn_protos(p.client.ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
	box_run(&box, &p, 1, box_is_up);
	assert_int_equal(seen, 12);
	box_pair_close(&p);
	SSL_CTX_set_alpn_select_cb(box.server_ctx, NULL, NULL);
}

static void time_limits_end_what_does_not_go_on(void **state)
{
	struct box_pair p;

	configure("{server: true}", "{server: true, handshake_timeout: 1s, idle_timeout: 1s, "
	                            "close_timeout: 1s}");
	box_pair_open(&box, &p, "a.test");
	SSL_free(p.server.ssl);
	p.server.ssl = NULL; /* a server that says nothing */
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.reason, REASON_HANDSHAKE_TIMEOUT);
	box_pair_close(&p);
	box_pair_open(&box, &p, "a.test");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.reason, REASON_IDLE_TIMEOUT);
	assert_true(p.client.up);
	box_pair_close(&p);
}

static bool both_heard(struct box_pair *p)
{
	return p->client.in.len >= 3 || p->ended;
}

static void renegotiation_is_as_the_rekey_interval_says(void **state)
{
	uint64_t refused = box.counters.values[COUNTER_renegotiationRefused];
	struct box_pair p;

	SSL_CTX_set_max_proto_version(box.server_ctx, TLS1_2_VERSION);
	for (int allowed = 0; allowed < 2; allowed++) {
		if (allowed)
			configure(PROXY_END, PROXY_END "    rekey_interval: 10s\n");
		box_pair_open(&box, &p, "a.test");
		SSL_clear_options(p.server.ssl, SSL_OP_NO_RENEGOTIATION);
		box_run(&box, &p, 1, box_is_up);
		assert_true(p.server.up);
		assert_int_equal(SSL_renegotiate(p.server.ssl), 1);
		(void)SSL_do_handshake(p.server.ssl);
		box_say(&p.server, "one\n");
		box_run(&box, &p, 1, both_heard);
		if (allowed)
			assert_string_equal(buf_text(&p.client.in), "one\n");
		(void)host_clear(box.host, &everything);
		box_pair_close(&p);
	}
	SSL_CTX_set_max_proto_version(box.server_ctx, 0);
	assert_true(box.counters.values[COUNTER_renegotiationRefused] > refused);
}

static void a_client_may_not_renegotiate(void **state)
{
	uint64_t refused = box.counters.values[COUNTER_renegotiationRefused];
	struct box_pair p;

	SSL_CTX_set_max_proto_version(box.client_ctx, TLS1_2_VERSION);
	box_pair_open(&box, &p, "a.test");
	box_run(&box, &p, 1, box_is_up);
	assert_int_equal(SSL_renegotiate(p.client.ssl), 1);
	(void)SSL_do_handshake(p.client.ssl);
	box_say(&p.client, "x\n");
	box_run(&box, &p, 1, heard);
	(void)host_clear(box.host, &everything);
	assert_true(box.counters.values[COUNTER_renegotiationRefused] > refused);
	box_pair_close(&p);
	SSL_CTX_set_max_proto_version(box.client_ctx, 0);
}

static void key_update_is_answered(void **state)
{
	struct box_pair p;

	box_pair_open(&box, &p, "a.test");
	box_run(&box, &p, 1, box_is_up);
	assert_int_equal(SSL_version(p.client.ssl), TLS1_3_VERSION);
	assert_int_equal(SSL_key_update(p.client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
	assert_int_equal(SSL_key_update(p.server.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
	box_say(&p.client, "after\n");
	box_say(&p.server, "after\n");
	box_run(&box, &p, 1, heard);
	box_run(&box, &p, 1, both_heard);
	assert_string_equal(buf_text(&p.server.in), "after\n");
	assert_string_equal(buf_text(&p.client.in), "after\n");
	box_pair_close(&p);
}

static void older_protocols_run_when_they_are_chosen(void **state)
{
	static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION};

	configure("preset: modern", "preset: seed_compatible");
	/* What the library lacks is a notice and loads all the same (R52). */
	assert_non_null(strstr(box.items, "0 /ssl_server_proxies/0"));
	for (size_t i = 0; i < SL_ARRAY_LEN(versions); i++) {
		struct box_pair p;

		SSL_CTX_set_max_proto_version(box.client_ctx, versions[i]);
		SSL_CTX_set_max_proto_version(box.server_ctx, versions[i]);
		box_pair_open(&box, &p, "a.test");
		SSL_set_cipher_list(p.client.ssl, "AES128-SHA");
		box_run(&box, &p, 1, box_is_up);
		assert_true(p.client.up);
		assert_int_equal(SSL_version(p.client.ssl), versions[i]);
		assert_int_equal(SSL_version(p.server.ssl), versions[i]);
		box_pair_close(&p);
	}
	SSL_CTX_set_max_proto_version(box.client_ctx, 0);
	SSL_CTX_set_max_proto_version(box.server_ctx, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup(a_part_of_a_hello_asks_for_more_and_its_end_is_an_error,
	                               begin),
	        cmocka_unit_test_setup(a_hello_past_its_limit_is_refused_before_it_is_whole, begin),
	        cmocka_unit_test_setup(
	                an_encrypted_hello_goes_by_its_outer_name_unless_set_otherwise, begin),
	        cmocka_unit_test_setup(a_flow_taken_early_is_decided_when_the_rest_comes, begin),
	        cmocka_unit_test_setup(a_client_that_ended_within_its_hello_gets_a_fin, begin),
	        cmocka_unit_test_setup(what_turns_out_to_be_no_tls_is_spliced_when_bypass_is_set,
	                               begin),
	        cmocka_unit_test_setup(observe_excepted_and_paused_flows_are_left_alone, begin),
	        cmocka_unit_test_setup(limits_act_as_the_class_overload_with_hysteresis, begin),
	        cmocka_unit_test_setup(a_server_with_another_key_is_as_set, begin),
	        cmocka_unit_test_setup(h2_is_left_out_of_the_offer_and_the_choice_is_the_same,
	                               begin),
	        cmocka_unit_test_setup(time_limits_end_what_does_not_go_on, begin),
	        cmocka_unit_test_setup(renegotiation_is_as_the_rekey_interval_says, begin),
	        cmocka_unit_test_setup(a_client_may_not_renegotiate, begin),
	        cmocka_unit_test_setup(key_update_is_answered, begin),
	        cmocka_unit_test_setup(older_protocols_run_when_they_are_chosen, begin),
	};

	return cmocka_run_group_tests(tests, open_box, close_box);
}
