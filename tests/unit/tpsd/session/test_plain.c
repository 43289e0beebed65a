/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is no TLS on a detection port (R154): relayed by plain legs, read by the inspector, ended as
 * its ends end it; and a handshake that comes late is one nevertheless.
 */
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/tpsd/session/box.h"

enum { MANY = 4 << 20 };

static struct box box;
static const struct host_filter everything;
static struct box_pair p;
static uint8_t sent[MANY], heard[MANY];

static struct fixture_cert site; /* site.test, by the world's CA */

static int open_box(void **state)
{
	box_open(&box, NULL);
	fixture_cert_make(&site, FIXTURE_EC, "DNS:site.test", &box.world);
	box_serve(&box, &site);
	return 0;
}

static int close_box(void **state)
{
	fixture_cert_free(&site);
	box_close(&box);
	return 0;
}

static int begin(void **state)
{
	(void)host_clear(box.host, &everything);
	box.answerable = box.unread = false;
	box_configure_outbound(&box, "", "");
	return 0;
}

static int end(void **state)
{
	box_pair_close(&p);
	return 0;
}

static bool ended(struct box_pair *pair)
{
	return box_has_ended(pair);
}

/* Both ends without TLS, `sni` for the case that one wants it all the same. */
static void open_plain(const char *sni)
{
	box_pair_open(&box, &p, sni);
	if (sni)
		return;
	SSL_free(p.client.ssl);
	SSL_free(p.server.ssl);
	p.client.ssl = p.server.ssl = NULL;
}

/* As `wire` asks; what was said is in the socket already, as after a take. */
static void ask(const void *bytes, size_t len, uint8_t flags)
{
	struct ipc_hello hello = {.flow = p.flow,
	                          .client_port = 1,
	                          .server_port = 443,
	                          .flags = flags,
	                          .bytes = {bytes, (uint32_t)len}};

	assert_int_equal(addr_parse("192.0.2.1", &hello.client), 0);
	assert_int_equal(addr_parse("10.0.0.2", &hello.server), 0);
	box.pairs = &p;
	box.npairs = 1;
	host_hello(box.host, &hello);
	assert_true(p.answered);
}

static void be_taken(void)
{
	assert_int_equal(p.action, IPC_TAKE);
	host_taken(box.host, p.flow, p.box_fds[0], p.box_fds[1]);
	p.box_fds[0] = p.box_fds[1] = -1;
}

static unsigned turns;

static bool a_few_turns(struct box_pair *pair)
{
	return ++turns > 20;
}

static void wait_a_moment(void)
{
	turns = 0;
	box_run(&box, &p, 1, a_few_turns);
}

static void say(const struct box_end *e, const char *text)
{
	assert_int_equal(send(e->fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	wait_a_moment();
}

static void assert_heard(const struct box_end *e, const char *text)
{
	char got[256] = "";
	ssize_t n = recv(e->fd, got, sizeof(got) - 1, MSG_DONTWAIT);

	assert_string_equal(n > 0 ? got : "", text);
}

/* A conversation that the client begins. */
static void talk(void)
{
	open_plain(NULL);
	say(&p.client, "hello\n");
	ask("hello\n", 6, 0);
	be_taken();
	wait_a_moment();
	assert_heard(&p.server, "hello\n");
}

static size_t at[2], done[2];

static ssize_t move(const struct box_end *from, const struct box_end *to, int d)
{
	if (at[d] < MANY) {
		ssize_t n = send(from->fd, sent + at[d], SL_MIN(MANY - at[d], 100000u),
		                 MSG_DONTWAIT | MSG_NOSIGNAL);

		at[d] += n > 0 ? (size_t)n : 0;
	}
	return recv(to->fd, heard, sizeof(heard), MSG_DONTWAIT);
}

static bool all_moved(struct box_pair *pair)
{
	const struct box_end *ends[2] = {&pair->client, &pair->server};

	for (int d = 0; d < 2; d++) {
		ssize_t n = move(ends[d], ends[!d], d);

		if (n <= 0)
			continue;
		assert_true(done[d] + (size_t)n <= MANY);
		assert_memory_equal(heard, sent + done[d], (size_t)n);
		done[d] += (size_t)n;
	}
	return done[0] == MANY && done[1] == MANY;
}

static void bytes_go_both_ways_as_they_are_and_are_read(void **state)
{
	uint64_t plain = box.counters.values[COUNTER_plain];
	unsigned fed = box.fed;

	for (size_t i = 0; i < MANY; i++)
		sent[i] = (uint8_t)(i * 2654435761u >> 13);
	talk();
	at[0] = at[1] = done[0] = done[1] = 0;
	box_run(&box, &p, 1, all_moved);
	assert_int_equal(done[0], MANY);
	assert_int_equal(done[1], MANY);
	assert_true(box.fed > fed);
	assert_int_equal(box.counters.values[COUNTER_plain], plain + 1);
	assert_int_equal(host_handshakes(box.host), 0);
}

static void an_end_is_passed_on_as_what_it_was(void **state)
{
	talk();
	assert_int_equal(shutdown(p.client.fd, SHUT_WR), 0);
	wait_a_moment();
	assert_int_equal(recv(p.server.fd, heard, 1, MSG_DONTWAIT), 0);
	say(&p.server, "only half of it\n"); /* the other direction goes on */
	assert_heard(&p.client, "only half of it\n");
	assert_int_equal(shutdown(p.server.fd, SHUT_WR), 0);
	box_run(&box, &p, 1, ended);
	assert_int_equal(recv(p.client.fd, heard, 1, MSG_DONTWAIT), 0);
	assert_int_equal(p.reason, REASON_CLEARTEXT); /* however it ended */
}

static void a_reset_is_passed_on_as_one(void **state)
{
	struct linger reset = {1, 0};

	talk();
	assert_int_equal(setsockopt(p.server.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
	close(p.server.fd);
	p.server.fd = -1;
	box_run(&box, &p, 1, ended);
	assert_int_equal(recv(p.client.fd, heard, 1, MSG_DONTWAIT), -1);
	assert_int_equal(errno, ECONNRESET);
}

static void an_attack_in_it_does_not_arrive(void **state)
{
	for (int i = 0; i < 2; i++) {
		bool to_client = i == 1;

		talk();
		say(to_client ? &p.server : &p.client, "att");
		say(to_client ? &p.server : &p.client, "ack\n");
		assert_true(p.ended);
		assert_int_equal(p.reason, REASON_RULE);
		assert_int_equal(recv(p.server.fd, heard, 1, MSG_DONTWAIT), 0);
		assert_int_equal(recv(p.client.fd, heard, 1, MSG_DONTWAIT), 0);
		if (!to_client)
			box_pair_close(&p);
	}
}

static void a_server_may_speak_first(void **state)
{
	open_plain(NULL);
	say(&p.server, "220 ready\n");
	ask("220 ready\n", 10, IPC_HELLO_SERVER_FIRST);
	be_taken();
	wait_a_moment();
	assert_heard(&p.client, "220 ready\n");
	say(&p.client, "EHLO\n");
	assert_heard(&p.server, "EHLO\n");
	(void)host_clear(box.host, &everything);
	assert_int_equal(p.reason, REASON_CLEARED);
}

static void be_silent(const char *sni)
{
	open_plain(sni);
	ask("", 0, IPC_HELLO_SILENT);
	be_taken();
	assert_int_equal(session_find(box.host, p.flow)->step, STEP_HELLO);
	assert_int_equal(host_handshakes(box.host), 0);
}

static void after_a_silence_either_end_may_begin(void **state)
{
	be_silent(NULL);
	say(&p.client, "late\n");
	assert_heard(&p.server, "late\n");
	box_pair_close(&p);
	be_silent(NULL);
	say(&p.server, "late\n");
	assert_heard(&p.client, "late\n");
	box_pair_close(&p);
	be_silent(NULL);
	close(p.client.fd);
	p.client.fd = -1;
	wait_a_moment();
	assert_int_equal(recv(p.server.fd, heard, 1, MSG_DONTWAIT), 0);
}

/* What comes after it is judged as it would have been at once. */
static void a_silence_is_no_way_round(void **state)
{
	box_configure_outbound(&box, "    on_failure_class: {not_tls: block}\n", "");
	be_silent(NULL);
	say(&p.client, "late\n");
	assert_int_equal(p.reason, REASON_CLEARTEXT);
	assert_heard(&p.server, "");
	box_pair_close(&p);
	be_silent(NULL);
	say(&p.server, "late\n");
	assert_int_equal(p.reason, REASON_SERVER_FIRST);
	assert_heard(&p.client, "");
}

static void a_late_handshake_is_one(void **state)
{
	uint64_t accepted = box.counters.values[COUNTER_accepted];

	be_silent("site.test");
	box_run(&box, &p, 1, box_is_up);
	assert_true(p.client.up && p.server.up);
	assert_int_equal(box.counters.values[COUNTER_accepted], accepted + 1);
	box_say(&p.client, "attack\n");
	box_run(&box, &p, 1, ended);
	assert_int_equal(p.reason, REASON_RULE);
}

/* Taken before its name was known: an excepted one goes on with the server's own certificate. */
static void a_hello_that_is_whole_late_is_decided_by_its_name(void **state)
{
	for (int i = 0; i < 4; i++) {
		bool excepted = i % 2, silent = i / 2;

		box_configure_outbound(&box,
		                       excepted ? "decryption_policies: [{name: d, decide_by: sni, "
		                                  "domains: [site.test]}]\n"
		                                : "",
		                       excepted ? ", decryption_policy: d" : "");
		open_plain("site.test");
		ask("\x16", silent ? 0 : 1, silent ? IPC_HELLO_SILENT : IPC_HELLO_TIMED_OUT);
		be_taken();
		box_run(&box, &p, 1, box_is_up);
		assert_true(p.client.up && p.server.up);
		assert_int_equal(X509_cmp(SSL_get0_peer_certificate(p.client.ssl), site.leaf) == 0,
		                 excepted);
		if (i == 3)
			return;
		(void)host_clear(box.host, &everything);
		box_pair_close(&p);
	}
}

static void bypass_and_block_are_settings_and_unread_is_not_taken(void **state)
{
	open_plain(NULL);
	box.unread = true;
	box_configure_outbound(&box, "", "");
	ask("hello\n", 6, 0);
	assert_int_equal(p.action, IPC_FORWARD);
	assert_int_equal(p.reason, REASON_CLEARTEXT);
	box.unread = false;
	box_configure_outbound(
	        &box, "    on_failure_class: {not_tls: bypass, no_handshake: block}\n", "");
	ask("hello\n", 6, 0);
	assert_int_equal(p.action, IPC_FORWARD);
	ask("", 0, IPC_HELLO_SILENT);
	assert_int_equal(p.action, IPC_DROP);
	assert_int_equal(p.reason, REASON_NO_HANDSHAKE);
}

/* The first byte of a handshake, and then none: read all the same. */
static void what_only_looked_like_tls_is_read(void **state)
{
	open_plain(NULL);
	say(&p.client, "\x16");
	ask("\x16", 1, IPC_HELLO_TIMED_OUT);
	be_taken();
	say(&p.client, " is no handshake\n");
	assert_heard(&p.server, "\x16 is no handshake\n");
	say(&p.client, "attack\n");
	assert_int_equal(p.reason, REASON_RULE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(bytes_go_both_ways_as_they_are_and_are_read, begin,
	                                        end),
	        cmocka_unit_test_setup_teardown(an_end_is_passed_on_as_what_it_was, begin, end),
	        cmocka_unit_test_setup_teardown(a_reset_is_passed_on_as_one, begin, end),
	        cmocka_unit_test_setup_teardown(an_attack_in_it_does_not_arrive, begin, end),
	        cmocka_unit_test_setup_teardown(a_server_may_speak_first, begin, end),
	        cmocka_unit_test_setup_teardown(after_a_silence_either_end_may_begin, begin, end),
	        cmocka_unit_test_setup_teardown(a_silence_is_no_way_round, begin, end),
	        cmocka_unit_test_setup_teardown(a_late_handshake_is_one, begin, end),
	        cmocka_unit_test_setup_teardown(a_hello_that_is_whole_late_is_decided_by_its_name,
	                                        begin, end),
	        cmocka_unit_test_setup_teardown(
	                bypass_and_block_are_settings_and_unread_is_not_taken, begin, end),
	        cmocka_unit_test_setup_teardown(what_only_looked_like_tls_is_read, begin, end),
	};

	return cmocka_run_group_tests(tests, open_box, close_box);
}
