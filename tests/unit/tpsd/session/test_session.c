/* SPDX-License-Identifier: Apache-2.0 */
/* Whole sessions: both legs, identity, inspection, ends, resumption, failures. */
#include <linux/tcp.h>
#include <netinet/in.h>
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
	assert_non_null(box.setup);
	return 0;
}

static int close_box(void **state)
{
	box_close(&box);
	return 0;
}

static bool server_heard_bye(struct box_pair *p)
{
	return p->server.in.len >= 4 &&
	       memcmp(p->server.in.data + p->server.in.len - 4, "bye\n", 4) == 0;
}

static bool both_ended(struct box_pair *p)
{
	return p->client.eof && p->server.eof && p->ended;
}

static bool ended(struct box_pair *p)
{
	return box_has_ended(p);
}

static void bytes_pass_both_ways_and_close_notify_too(void **state)
{
	struct box_pair p;

	box_pair_open(&box, &p, "a.test");
	box_say(&p.client, "hello\nbye\n");
	box_say(&p.server, "welcome\n");
	box_run(&box, &p, 1, server_heard_bye);
	assert_string_equal(buf_text(&p.server.in), "hello\nbye\n");
	p.client.close_when_sent = true;
	p.server.close_when_sent = true;
	box_run(&box, &p, 1, both_ended);
	assert_string_equal(buf_text(&p.client.in), "welcome\n");
	assert_true(p.client.notified);
	assert_true(p.server.notified);
	assert_int_equal(p.reason, REASON_CLOSED);
	assert_int_equal(host_sessions(box.host), 0);
	assert_int_equal(host_handshakes(box.host), 0);
	box_pair_close(&p);
}

static uint32_t segments_in(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof(info);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_segs_in;
}

static bool client_at_end(struct box_pair *p)
{
	return p->client.eof;
}

static void close_notify_and_fin_that_came_together_leave_together(void **state)
{
	struct box_pair p;
	uint32_t before;

	box_pair_open(&box, &p, "a.test");
	box_say(&p.client, "bye\n");
	box_run(&box, &p, 1, server_heard_bye);
	(void)usleep(250000); /* past every acknowledgement that the kernel holds back */
	before = segments_in(p.client.fd);
	p.server.close_when_sent = true;
	box_run(&box, &p, 1, client_at_end);
	assert_true(p.client.notified);
	assert_int_equal(segments_in(p.client.fd) - before, 1);
	p.client.close_when_sent = true;
	box_run(&box, &p, 1, both_ended);
	assert_int_equal(p.reason, REASON_CLOSED);
	box_pair_close(&p);
}

static void the_certificate_is_the_one_of_the_name(void **state)
{
	static const struct {
		const char *sni;
		int cert;
	} names[] = {{"b.test", 2}, {"c.test", 3}, {"x.wild.test", 0},  {"unknown.test", 0},
	             {NULL, 0},     {"B.TEST", 2}, {"y.x.wild.test", 0}};

	for (size_t i = 0; i < SL_ARRAY_LEN(names); i++) {
		struct box_pair p;

		box_pair_open(&box, &p, names[i].sni);
		box_run(&box, &p, 1, box_is_up);
		assert_true(p.client.up);
		assert_int_equal(X509_cmp(SSL_get0_peer_certificate(p.client.ssl),
		                          box.certs[names[i].cert].leaf),
		                 0);
		if (names[i].sni)
			assert_string_equal(SSL_get_servername(p.server.ssl, 0), names[i].sni);
		box_pair_close(&p);
		(void)host_clear(box.host, &everything);
	}
}

static void one_name_has_rsa_and_ecdsa(void **state)
{
	static const char *const algs[] = {"rsa_pss_rsae_sha256", "ECDSA+SHA256"};

	for (int i = 0; i < 2; i++) {
		struct box_pair p;

		box_pair_open(&box, &p, "a.test");
		SSL_set1_sigalgs_list(p.client.ssl, algs[i]);
		box_run(&box, &p, 1, box_is_up);
		assert_true(p.client.up);
		assert_int_equal(
		        X509_cmp(SSL_get0_peer_certificate(p.client.ssl), box.certs[i].leaf), 0);
		box_pair_close(&p);
		(void)host_clear(box.host, &everything);
	}
}

static void an_attack_split_at_every_byte_never_reaches_the_server(void **state)
{
	static const char request[] = "GET /attack HTTP/1.1\r\nHost: a.test\r\n";
	size_t len = sizeof(request) - 1;

	for (size_t split = 1; split < len; split += 3) {
		struct box_pair p;

		box_pair_open(&box, &p, "a.test");
		p.client.chunk = split;
		box_say(&p.client, request);
		box_run(&box, &p, 1, ended);
		assert_int_equal(p.reason, REASON_RULE);
		assert_int_equal(p.server.in.len, 0);
		box_pair_close(&p);
	}
	assert_true(box.counters.values[COUNTER_blocks] >= len / 3);
	assert_int_equal(host_sessions(box.host), 0);
}

static bool server_got_all(struct box_pair *p)
{
	return p->server.in.len >= 8 << 20;
}

static unsigned ticks;

static bool after_a_while(struct box_pair *p)
{
	return ++ticks > 200;
}

/* Of what the client said: plaintext that waits, and records that the server's socket left. */
static size_t kept_of(const struct session *s)
{
	const struct tls_leg *to = s->legs[LEG_SERVER].tls;

	return s->directions[TSE_TO_SERVER].held.len + to->rest.len;
}

static void back_pressure_bounds_what_is_kept_and_loses_nothing(void **state)
{
	static char block[1 << 20];
	struct box_pair p;
	struct session *s;
	size_t most = 0;

	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)('a' + i % 23);
	box_pair_open(&box, &p, "b.test");
	for (int i = 0; i < 8; i++)
		assert_int_equal(buf_add(&p.client.out, block, sizeof(block)), 0);
	p.server.stop_reading = true;
	for (int i = 0; i < 10; i++) {
		ticks = 0;
		box_run(&box, &p, 1, after_a_while);
		s = session_find(box.host, p.flow);
		if (s)
			most = SL_MAX(most, kept_of(s));
	}
	assert_true(most > 0);
	assert_true(most <= RELAY_HELD_MAX);
	p.server.stop_reading = false;
	box_run(&box, &p, 1, server_got_all);
	assert_int_equal(p.server.in.len, 8 << 20);
	for (int i = 0; i < 8; i++)
		assert_memory_equal(p.server.in.data + (i << 20), block, sizeof(block));
	s = session_find(box.host, p.flow);
	assert_non_null(s);
	assert_int_equal(kept_of(s), 0);
	assert_null(s->directions[0].held.data);
	box_pair_close(&p);
	(void)host_clear(box.host, &everything);
}

static bool server_at_eof(struct box_pair *p)
{
	return p->server.eof;
}

static void truncation_is_passed_on_as_truncation(void **state)
{
	struct box_pair p;

	box_pair_open(&box, &p, "a.test");
	box_say(&p.client, "half");
	p.client.close_when_sent = p.client.truncate = true;
	box_run(&box, &p, 1, server_at_eof);
	assert_true(p.server.eof);
	assert_false(p.server.notified);
	assert_string_equal(buf_text(&p.server.in), "half");
	/* The other direction still works. */
	box_say(&p.server, "late answer\n");
	p.server.close_when_sent = true;
	box_run(&box, &p, 1, both_ended);
	assert_string_equal(buf_text(&p.client.in), "late answer\n");
	assert_true(p.client.notified);
	assert_int_equal(p.reason, REASON_TRUNCATED_CLIENT);
	box_pair_close(&p);
}

static void a_reset_is_passed_on_as_reset(void **state)
{
	struct linger off = {1, 0};
	struct box_pair p;

	box_pair_open(&box, &p, "a.test");
	box_run(&box, &p, 1, box_is_up);
	assert_true(p.client.up);
	setsockopt(p.client.fd, SOL_SOCKET, SO_LINGER, &off, sizeof(off));
	SSL_free(p.client.ssl);
	p.client.ssl = NULL;
	close(p.client.fd);
	p.client.fd = -1;
	box_run(&box, &p, 1, server_at_eof);
	assert_true(p.server.reset);
	assert_int_equal(p.reason, REASON_CLIENT_RESET);
	box_pair_close(&p);
}

static void alpn_is_the_same_on_both_legs(void **state)
{
	const unsigned char *alpn;
	struct box_pair p;
	unsigned len;

	box_pair_open(&box, &p, "a.test");
	SSL_set_alpn_protos(p.client.ssl, (const unsigned char *)"\x02h2\x08http/1.1", 12);
	box_run(&box, &p, 1, box_is_up);
	assert_true(p.client.up);
	/* The server has no ALPN: then the client gets none either. */
	SSL_get0_alpn_selected(p.client.ssl, &alpn, &len);
	assert_int_equal(len, 0);
	box_pair_close(&p);
	(void)host_clear(box.host, &everything);
}

static bool resumed_up(struct box_pair *p)
{
	return p->client.up && p->server.up && p->client.in.len > 0;
}

static SSL_SESSION *connect_once(const char *sni, SSL_SESSION *session, bool *ret_client,
                                 bool *ret_server)
{
	SSL_SESSION *got;
	struct box_pair p;

	box_pair_open(&box, &p, sni);
	if (session)
		SSL_set_session(p.client.ssl, session);
	box_say(&p.server, "x\n"); /* so that the tickets before it have come */
	box_run(&box, &p, 1, resumed_up);
	assert_true(p.client.up);
	*ret_client = SSL_session_reused(p.client.ssl);
	*ret_server = SSL_session_reused(p.server.ssl);
	got = SSL_get1_session(p.client.ssl);
	p.client.close_when_sent = p.server.close_when_sent = true;
	box_run(&box, &p, 1, both_ended);
	assert_true(p.ended);
	box_pair_close(&p);
	return got;
}

static void try_resumption(int version)
{
	SSL_SESSION *first, *second, *third;
	bool client, server;

	SSL_CTX_set_max_proto_version(box.client_ctx, version);
	SSL_CTX_set_max_proto_version(box.server_ctx, version);
	SSL_CTX_set_session_id_context(box.server_ctx, (const unsigned char *)"t", 1);
	host_use_setup(box.host, box.setup); /* forgets the servers' sessions */
	first = connect_once("a.test", NULL, &client, &server);
	assert_false(client);
	assert_false(server);
	second = connect_once("a.test", first, &client, &server);
	assert_true(client);
	assert_true(server);
	/* Another name is another binding, though the certificate could be the same. */
	third = connect_once("x.wild.test", second, &client, &server);
	assert_false(client);
	assert_false(server);
	SSL_SESSION_free(first);
	SSL_SESSION_free(second);
	SSL_SESSION_free(third);
	SSL_CTX_set_max_proto_version(box.client_ctx, 0);
	SSL_CTX_set_max_proto_version(box.server_ctx, 0);
}

static void both_legs_resume(void **state)
{
	try_resumption(TLS1_3_VERSION);
	try_resumption(TLS1_2_VERSION);
}

/* A fatal alert ends what would be resumed as well, whatever copy of it there is. */
static void a_server_that_broke_a_connection_is_not_resumed(void **state)
{
	static const char no_record[37] = "\x17\x03\x03\x00\x20 sealed with no key at all";
	struct box_pair p;
	bool client, server;

	SSL_SESSION_free(connect_once("a.test", NULL, &client, &server));
	SSL_SESSION_free(connect_once("a.test", NULL, &client, &server));
	assert_true(server);
	box_pair_open(&box, &p, "a.test");
	box_say(&p.server, "x\n");
	box_run(&box, &p, 1, resumed_up);
	assert_int_equal(send(p.server.fd, no_record, sizeof(no_record), 0), sizeof(no_record));
	box_run(&box, &p, 1, box_has_ended);
	assert_true(p.ended);
	box_pair_close(&p);
	SSL_SESSION_free(connect_once("a.test", NULL, &client, &server));
	assert_false(server);
}

static void legs_negotiate_independently(void **state)
{
	struct box_pair p;

	SSL_CTX_set_max_proto_version(box.server_ctx, TLS1_2_VERSION);
	box_pair_open(&box, &p, "a.test");
	box_run(&box, &p, 1, box_is_up);
	assert_int_equal(SSL_version(p.client.ssl), TLS1_3_VERSION);
	assert_int_equal(SSL_version(p.server.ssl), TLS1_2_VERSION);
	box_pair_close(&p);
	(void)host_clear(box.host, &everything);
	SSL_CTX_set_max_proto_version(box.server_ctx, 0);
}

static void a_client_with_nothing_in_common_gets_the_right_alert(void **state)
{
	static const struct {
		int version;
		const char *list;
		enum reason reason;
		int alert;
	} cases[] = {{TLS1_1_VERSION, "AES128-SHA", REASON_CLIENT_VERSION,
	              SSL_R_TLSV1_ALERT_PROTOCOL_VERSION},
	             {TLS1_2_VERSION, "AES128-SHA", REASON_CLIENT_SUITE,
	              SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE}};

	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct box_pair p;
		uint8_t alert[7];

		SSL_CTX_set_max_proto_version(box.client_ctx, cases[i].version);
		SSL_CTX_set_cipher_list(box.client_ctx, cases[i].list);
		box_pair_open(&box, &p, "a.test");
		/* Only what it says; its handshake would take the alert away. */
		(void)SSL_do_handshake(p.client.ssl);
		SSL_free(p.client.ssl);
		p.client.ssl = NULL;
		box_run(&box, &p, 1, ended);
		assert_int_equal(p.reason, cases[i].reason);
		assert_int_equal(recv(p.client.fd, alert, 7, 0), 7);
		assert_int_equal(alert[6], cases[i].reason == REASON_CLIENT_VERSION ? 70 : 40);
		box_pair_close(&p);
	}
	SSL_CTX_set_max_proto_version(box.client_ctx, 0);
	SSL_CTX_set_cipher_list(box.client_ctx, "DEFAULT");
	assert_int_equal(box.counters.values[COUNTER_clientVersionOther], 1);
	assert_int_equal(box.counters.values[COUNTER_clientCipherOther], 1);
}

static void a_server_with_nothing_in_common_is_told_apart(void **state)
{
	struct box_pair p;

	SSL_CTX_set_max_proto_version(box.server_ctx, TLS1_1_VERSION);
	box_pair_open(&box, &p, "a.test");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.reason, REASON_SERVER_VERSION);
	box_pair_close(&p);
	SSL_CTX_set_max_proto_version(box.server_ctx, TLS1_2_VERSION);
	SSL_CTX_set_cipher_list(box.server_ctx, "AES128-SHA");
	box_pair_open(&box, &p, "a.test");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.reason, REASON_SERVER_SUITE);
	box_pair_close(&p);
	SSL_CTX_set_cipher_list(box.server_ctx, "DEFAULT");
	SSL_CTX_set_max_proto_version(box.server_ctx, 0);
}

static void a_server_that_wants_a_client_certificate_is_blocked(void **state)
{
	struct box_pair p;

	SSL_CTX_set_verify(box.server_ctx, SSL_VERIFY_PEER, NULL);
	box_pair_open(&box, &p, "a.test");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.reason, REASON_CLIENT_CERTIFICATE);
	assert_false(p.client.up);
	box_pair_close(&p);
	SSL_CTX_set_verify(box.server_ctx, SSL_VERIFY_NONE, NULL);
}

static void keys_that_are_away_end_the_session_with_their_reason(void **state)
{
	struct box_pair p;

	box.backend.refuse = SL_ECLOSED;
	box_pair_open(&box, &p, "a.test");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.reason, REASON_KEYS_UNAVAILABLE);
	box.backend.refuse = 0;
	box_pair_close(&p);
	/* keys_unavailable is set to bypass: for a while that name of that server is left alone. */
	box_pair_open(&box, &p, "a.test");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.action, IPC_FORWARD);
	assert_int_equal(p.reason, REASON_KEYS_UNAVAILABLE);
	box_pair_close(&p);
	box_pair_open(&box, &p, "b.test");
	box_run(&box, &p, 1, box_is_up);
	assert_true(p.client.up);
	box_pair_close(&p);
	(void)host_clear(box.host, &everything);
	assert_int_equal(learned_clear(box.host->learned, NULL), 1);
}

static void late_keys_and_a_client_that_leaves_meanwhile(void **state)
{
	struct box_pair p;

	box.backend.delay_ms = 300;
	box_pair_open(&box, &p, "a.test");
	for (int i = 0; i < 10 && !session_find(box.host, p.flow); i++)
		box_run(&box, &p, 1, box_has_ended);
	box_pair_close(&p);
	(void)host_clear(box.host, &everything);
	assert_int_equal(host_sessions(box.host), 0);
	box.backend.delay_ms = 0;
}

static void http2_without_negotiation_is_blocked(void **state)
{
	struct box_pair p;

	box_pair_open(&box, &p, "a.test");
	box_say(&p.client, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.reason, REASON_HTTP2_PRIOR_KNOWLEDGE);
	assert_int_equal(p.server.in.len, 0);
	box_pair_close(&p);
}

static void cleartext_is_dropped_and_others_are_left_alone(void **state)
{
	struct ipc_hello hello = {.flow = 1u << 30, .client_port = 1, .server_port = 443};
	struct box_pair p = {.flow = 1u << 30};

	box.pairs = &p;
	box.npairs = 1;
	assert_int_equal(addr_parse("192.0.2.1", &hello.client), 0);
	assert_int_equal(addr_parse("10.0.0.2", &hello.server), 0);
	hello.bytes = (struct ipc_bytes){(const uint8_t *)"EHLO me", 7};
	host_hello(box.host, &hello);
	assert_int_equal(p.action, IPC_DROP);
	assert_int_equal(p.reason, REASON_CLEARTEXT);
	hello.bytes.len = 0;
	hello.flags = IPC_HELLO_FIN;
	host_hello(box.host, &hello);
	assert_int_equal(p.action, IPC_FORWARD);
	hello.flags = 0;
	hello.server_port = 80;
	host_hello(box.host, &hello);
	assert_int_equal(p.action, IPC_FORWARD);
	assert_int_equal(p.reason, REASON_NO_POLICY);
}

static void the_lists_for_the_cli_are_json(void **state)
{
	struct box_pair p;
	struct buf out;

	buf_init(&out, 1 << 20);
	box_pair_open(&box, &p, "a.test");
	box_run(&box, &p, 1, box_is_up);
	assert_int_equal(host_list_json(box.host, 50, &out), 0);
	assert_non_null(strstr(buf_text(&out), "\"sni\":\"a.test\""));
	buf_consume(&out, out.len);
	assert_int_equal(host_clear(box.host, &everything), 1);
	assert_int_equal(host_explain_json(box.host, p.flow, &out), 0);
	assert_non_null(strstr(buf_text(&out), "\"reason\":\"cleared\""));
	assert_int_equal(host_explain_json(box.host, 1u << 29, &out), SL_ENOENT);
	assert_int_equal(host_failures_json(box.host, &out), 0);
	buf_fini(&out);
	box_pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(bytes_pass_both_ways_and_close_notify_too),
	        cmocka_unit_test(close_notify_and_fin_that_came_together_leave_together),
	        cmocka_unit_test(the_certificate_is_the_one_of_the_name),
	        cmocka_unit_test(one_name_has_rsa_and_ecdsa),
	        cmocka_unit_test(an_attack_split_at_every_byte_never_reaches_the_server),
	        cmocka_unit_test(back_pressure_bounds_what_is_kept_and_loses_nothing),
	        cmocka_unit_test(truncation_is_passed_on_as_truncation),
	        cmocka_unit_test(a_reset_is_passed_on_as_reset),
	        cmocka_unit_test(alpn_is_the_same_on_both_legs),
	        cmocka_unit_test(both_legs_resume),
	        cmocka_unit_test(a_server_that_broke_a_connection_is_not_resumed),
	        cmocka_unit_test(legs_negotiate_independently),
	        cmocka_unit_test(a_client_with_nothing_in_common_gets_the_right_alert),
	        cmocka_unit_test(a_server_with_nothing_in_common_is_told_apart),
	        cmocka_unit_test(a_server_that_wants_a_client_certificate_is_blocked),
	        cmocka_unit_test(keys_that_are_away_end_the_session_with_their_reason),
	        cmocka_unit_test(late_keys_and_a_client_that_leaves_meanwhile),
	        cmocka_unit_test(http2_without_negotiation_is_blocked),
	        cmocka_unit_test(cleartext_is_dropped_and_others_are_left_alone),
	        cmocka_unit_test(the_lists_for_the_cli_are_json),
	};

	return cmocka_run_group_tests(tests, open_box, close_box);
}
