/* SPDX-License-Identifier: Apache-2.0 */
/* Syslog as a server sees it: RFC 5424 headers, frames over TCP, a server that comes and goes. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/event/syslog.h"

struct server {
	int fd;
	uint16_t port;
};

static struct server listen_on_loopback(int type)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	struct server s = {.fd = socket(AF_INET, type, 0)};

	assert_int_equal(bind(s.fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(s.fd, (struct sockaddr *)&in, &len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(s.fd, 1), 0);
	s.port = ntohs(in.sin_port);
	return s;
}

static struct syslog_target *open_target(struct loop *loop, uint16_t port, bool tcp)
{
	struct syslog_options o = {
	        .address = addr_from_v4(htonl(INADDR_LOOPBACK)),
	        .port = port,
	        .tcp = tcp,
	        .kinds = 1u << EVENT_IPS_BLOCK | 1u << EVENT_SYSTEM,
	        .hostname = "box 1",
	};
	struct syslog_target *t;

	assert_int_equal(syslog_open(loop, &o, &t), 0);
	return t;
}

static void stop_loop(struct loop_timer *timer)
{
	loop_stop(timer->loop);
}

static void run_for_ms(struct loop *loop, unsigned ms)
{
	struct loop_timer timer = {.heap_index = 0};

	assert_int_equal(loop_timer_set(loop, &timer, ms * CLOCK_NS_PER_MS, stop_loop), 0);
	assert_int_equal(loop_run(loop), 0);
}

static void a_datagram_has_a_header_and_the_event(void **state)
{
	struct server s = listen_on_loopback(SOCK_DGRAM);
	struct loop *loop = loop_create();
	struct syslog_target *t = open_target(loop, s.port, false);
	char text[512], stamp[64], host[64];
	unsigned pri, version;
	ssize_t n;
	int pid;

	(void)state;
	assert_true(syslog_send(t, EVENT_IPS_BLOCK, "{\"a\":1}", 7));
	assert_true(syslog_send(t, EVENT_AUDIT, "{}", 2)); /* not asked for */
	n = recv(s.fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_int_equal(sscanf(text, "<%u>%u %63s %63s sluice %d ips_block - ", &pri, &version,
	                        stamp, host, &pid),
	                 5);
	assert_int_equal(pri, 16 * 8 + 4);
	assert_int_equal(version, 1);
	assert_string_equal(host, "box_1");
	assert_int_equal(strlen(stamp), 27);
	assert_int_equal(stamp[10], 'T');
	assert_int_equal(stamp[26], 'Z');
	assert_string_equal(strstr(text, " - ") + 3, "{\"a\":1}");
	assert_int_equal(recv(s.fd, text, sizeof(text), MSG_DONTWAIT), -1);
	syslog_close(t);
	loop_destroy(loop);
	(void)close(s.fd);
}

static void frames_over_tcp_say_their_length(void **state)
{
	struct server s = listen_on_loopback(SOCK_STREAM);
	struct loop *loop = loop_create();
	struct syslog_target *t = open_target(loop, s.port, true);
	char text[1024] = "";
	unsigned len;
	int fd, at;

	(void)state;
	assert_true(syslog_send(t, EVENT_SYSTEM, "{\"a\":1}", 7)); /* before it is connected */
	fd = accept(s.fd, NULL, NULL);
	run_for_ms(loop, 50);
	assert_true(syslog_send(t, EVENT_SYSTEM, "{\"b\":2}", 7));
	run_for_ms(loop, 20);
	assert_true(recv(fd, text, sizeof(text) - 1, 0) > 0);
	assert_int_equal(sscanf(text, "%u %n", &len, &at), 1);
	assert_memory_equal(text + at + len - 7, "{\"a\":1}", 7);
	assert_int_equal(sscanf(text + at + len, "%u ", &len), 1);
	assert_non_null(strstr(text + at, "{\"b\":2}"));
	(void)close(fd);
	(void)close(s.fd);
	run_for_ms(loop, 20);
	assert_false(syslog_send(t, EVENT_SYSTEM, "{}", 2)); /* the server is gone */
	assert_int_equal(syslog_lost(t), 1);
	syslog_close(t);
	loop_destroy(loop);
}

static void a_server_that_does_not_read_costs_no_more_than_the_queue(void **state)
{
	static char line[16000];
	struct server s = listen_on_loopback(SOCK_STREAM);
	struct loop *loop = loop_create();
	struct syslog_target *t = open_target(loop, s.port, true);
	unsigned lost = 0;

	(void)state;
	memset(line, 'x', sizeof(line));
	run_for_ms(loop, 20);
	for (unsigned i = 0; i < 2000; i++)
		lost += !syslog_send(t, EVENT_SYSTEM, line, sizeof(line));
	assert_true(lost > 0);
	assert_int_equal(syslog_lost(t), lost);
	syslog_close(t);
	loop_destroy(loop);
	(void)close(s.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_datagram_has_a_header_and_the_event),
	        cmocka_unit_test(frames_over_tcp_say_their_length),
	        cmocka_unit_test(a_server_that_does_not_read_costs_no_more_than_the_queue),
	};

	return RUN_TESTS(tests);
}
