/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that behave as none should: each event comes to them in the end, and none of them holds
 * up anybody else. The test is the server; smsd's end has its threads. */
#include "smsd/forward/forward.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "tests/unit/smsd/database.h"
#include "tests/unit/smsd/ingest/yard.h"

enum { WAIT_MS = 60 * 1000, COUNT_MAX = 16384 };

/* ---- a server ---------------------------------------------------------------------------- */

struct server {
	int listening, fd;
	uint16_t port;
	struct buf came; /* not looked at yet */
	bool seen[COUNT_MAX];
	size_t count; /* of those that are seen */
};

/* `room`: of bytes that nobody has read; 0: as many as usual. */
static void server_open(struct server *s, int room)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);

	*s = (struct server){.fd = -1};
	buf_init(&s->came, 1024 * 1024);
	s->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (room > 0)
		assert_int_equal(
		        setsockopt(s->listening, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
	assert_int_equal(bind(s->listening, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(listen(s->listening, 8), 0);
	assert_int_equal(getsockname(s->listening, (struct sockaddr *)&in, &len), 0);
	s->port = ntohs(in.sin_port);
}

static void server_close(struct server *s)
{
	if (s->fd >= 0)
		assert_int_equal(close(s->fd), 0);
	assert_int_equal(close(s->listening), 0);
	buf_fini(&s->came);
}

static void wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
}

static void server_accept(struct server *s)
{
	if (s->fd >= 0)
		assert_int_equal(close(s->fd), 0);
	wait_readable(s->listening);
	s->fd = accept4(s->listening, NULL, NULL, SOCK_CLOEXEC);
	assert_true(s->fd >= 0);
	s->came.len = 0;
}

/* "LEN MESSAGE", whole; false: it is not there yet. */
static bool take_frame(struct server *s)
{
	const char *text = buf_text(&s->came), *seq;
	char *end;
	size_t len = strtoul(text, &end, 10);
	unsigned long number;

	if (*end != ' ' || s->came.len < (size_t)(end + 1 - text) + len)
		return false;
	seq = strstr(end, " seq=\"");
	assert_non_null(seq);
	number = strtoul(seq + 6, NULL, 10);
	assert_in_range(number, 0, COUNT_MAX - 1);
	s->count += !s->seen[number];
	s->seen[number] = true;
	buf_consume(&s->came, (size_t)(end + 1 - text) + len);
	return true;
}

/* Until so many different ones have come. */
static void server_read(struct server *s, size_t count)
{
	while (s->count < count) {
		uint8_t *room;
		ssize_t n;

		assert_int_equal(buf_reserve(&s->came, 64 * 1024, &room), 0);
		wait_readable(s->fd);
		n = recv(s->fd, room, 64 * 1024, 0);
		/* One that was given up while it was made has an end and nothing else. */
		if (n <= 0) {
			server_accept(s);
			continue;
		}
		s->came.len += (size_t)n;
		while (take_frame(s))
			;
	}
}

/* ---- smsd's end -------------------------------------------------------------------------- */

struct end {
	struct yard yard;
	struct forward *forward;
};

static void end_start(struct end *end)
{
	assert_int_equal(forward_create(end->yard.store, end->yard.ingest, &end->forward,
	                                &end->yard.problem),
	                 0);
	assert_int_equal(forward_start(end->forward, &end->yard.problem), 0);
}

static void end_open(struct end *end)
{
	yard_make(&end->yard);
	yard_open(&end->yard);
	end_start(end);
}

static void end_close(struct end *end)
{
	forward_destroy(end->forward);
	yard_close(&end->yard);
	yard_remove(&end->yard);
}

static void add_target(struct end *end, const char *name, const struct server *server)
{
	json_t *body = json_pack("{s:s, s:i, s:s}", "host", "127.0.0.1", "port", (int)server->port,
	                         "transport", "tcp");

	assert_int_equal(forward_put(end->forward, &place_actor, name, 0, body, &end->yard.problem),
	                 0);
	json_decref(body);
}

static void feed(struct end *end, uint64_t first, unsigned count)
{
	struct ingest_answer answer;

	assert_int_equal(yard_send(&end->yard, "box", first, count, &answer), 0);
	assert_int_equal(answer.stored, count);
}

static json_int_t shown(struct end *end, const char *name, const char *key)
{
	json_t *shown = NULL;
	json_int_t value;

	assert_int_equal(forward_show(end->forward, name, &shown, &end->yard.problem), 0);
	value = json_integer_value(json_object_get(shown, key));
	json_decref(shown);
	return value;
}

static void wait_shown(struct end *end, const char *name, const char *key, json_int_t value)
{
	static const struct timespec step = {.tv_nsec = 20 * 1000 * 1000};

	for (unsigned ms = 0; ms < WAIT_MS && shown(end, name, key) != value; ms += 20)
		(void)nanosleep(&step, NULL);
	assert_int_equal(shown(end, name, key), value);
}

/* ---- tests ------------------------------------------------------------------------------- */

/* Its system takes what it never reads: that is no reason to go on behind it. */
static void who_ends_unread_what_he_was_sent_gets_it_again(void **state)
{
	struct server server;
	struct end end;

	end_open(&end);
	server_open(&server, 0);
	add_target(&end, "log", &server);
	feed(&end, 0, 500);
	for (unsigned i = 0; i < 2; i++) {
		server_accept(&server);
		wait_readable(server.fd); /* and closes it, with all that came */
	}
	server_accept(&server);
	server_read(&server, 500);
	wait_shown(&end, "log", "sent", 500);
	wait_shown(&end, "log", "waiting", 0);
	server_close(&server);
	end_close(&end);
}

static void who_reads_nothing_holds_up_nobody(void **state)
{
	struct server bad, good;
	struct end end;

	end_open(&end);
	server_open(&bad, 4096);
	server_open(&good, 0);
	add_target(&end, "bad", &bad);
	add_target(&end, "good", &good);
	server_accept(&bad);
	server_accept(&good);
	for (unsigned i = 0; i < 8; i++)
		feed(&end, i * 1000, 1000);
	server_read(&good, 8000);
	wait_shown(&end, "good", "sent", 8000);
	assert_true(shown(&end, "bad", "waiting") > 0);
	server_close(&bad);
	server_close(&good);
	end_close(&end);
}

/* Another start goes on where it was; what the server is known to have comes once. */
static void after_another_start_it_goes_on(void **state)
{
	struct server server;
	struct end end;

	end_open(&end);
	server_open(&server, 0);
	add_target(&end, "log", &server);
	server_accept(&server);
	feed(&end, 0, 100);
	server_read(&server, 100);
	wait_shown(&end, "log", "waiting", 0);
	forward_destroy(end.forward);
	feed(&end, 100, 100);
	end_start(&end);
	server_accept(&server);
	memset(server.seen, 0, sizeof(server.seen));
	server.count = 0;
	server_read(&server, 100);
	assert_true(server.seen[199]);
	server_close(&server);
	end_close(&end);
}

/* All days but their first pages, or all of them away. */
static void damage_days(const struct yard *yard, bool remove_them)
{
	char command[256];

	(void)snprintf(command, sizeof(command),
	               remove_them
	                       ? "rm -f %s/*"
	                       : "for f in %s/*.db; do head -c 160K /dev/zero | tr '\\0' '\\377' |"
	                         " dd of=$f bs=4096 seek=6 conv=notrunc status=none; done",
	               yard->days);
	assert_int_equal(system(command), 0);
}

static bool is_unread(struct end *end, const char *name)
{
	json_t *shown = NULL;
	const char *error;
	bool unread;

	assert_int_equal(forward_show(end->forward, name, &shown, &end->yard.problem), 0);
	error = json_string_value(json_object_get(shown, "error"));
	unread = error && strncmp(error, "events cannot be read", 21) == 0;
	json_decref(shown);
	return unread;
}

static void a_day_that_is_damaged_holds_it_up_until_it_is_gone(void **state)
{
	static const struct timespec step = {.tv_nsec = 20 * 1000 * 1000};
	struct server server;
	struct end end;

	if (test_database_is_postgresql())
		skip();
	end_open(&end);
	server_open(&server, 0);
	add_target(&end, "log", &server);
	forward_destroy(end.forward);
	feed(&end, 0, 1000);
	yard_close(&end.yard);
	damage_days(&end.yard, false);
	yard_open(&end.yard);
	end_start(&end);
	for (unsigned ms = 0; ms < WAIT_MS && !is_unread(&end, "log"); ms += 20)
		(void)nanosleep(&step, NULL);
	assert_true(is_unread(&end, "log"));
	assert_int_equal(shown(&end, "log", "skipped"), 0);
	damage_days(&end.yard, true);
	assert_int_equal(forward_test(end.forward, &place_actor, "log", &end.yard.problem), 0);
	wait_shown(&end, "log", "skipped", 1000);
	assert_false(is_unread(&end, "log"));
	server_close(&server);
	end_close(&end);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
	        cmocka_unit_test(who_ends_unread_what_he_was_sent_gets_it_again),
	        cmocka_unit_test(who_reads_nothing_holds_up_nobody),
	        cmocka_unit_test(after_another_start_it_goes_on),
	        cmocka_unit_test(a_day_that_is_damaged_holds_it_up_until_it_is_gone),
	};

	return RUN_TESTS(tests);
}
