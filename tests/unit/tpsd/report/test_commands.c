/* SPDX-License-Identifier: Apache-2.0 */
/* Commands and events of `control`, as tps and the other processes see them. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "tests/unit/tpsd/report/steps.h"

/* ---- commands ---------------------------------------------------------------------------- */

static void commands_of_others_go_there_and_come_back(void **state)
{
	json_t *data;

	(void)state;
	start_committed();
	dev.answer[DEV_PARENT] = "[{\"name\":\"parent\",\"pid\":1}]";
	data = device_command(&dev, "show processes", NULL, NULL);
	assert_string_equal(dev.last[DEV_PARENT].name, "processes");
	assert_string_equal(json_string_value(json_object_get(
	                            json_array_get(json_array_get(data, 0), 0), "name")),
	                    "parent");
	json_decref(data);
	dev.answer[DEV_WORKER] = "{\"cleared\":4}";
	data = device_command(&dev, "debug np ssl-clear", json_pack("{s:s}", "client", "10.0.0.1"),
	                      NULL);
	assert_string_equal(dev.last[DEV_WORKER].arguments, "{\"client\":\"10.0.0.1\"}");
	json_decref(data);
	assert_true(log_has("audit", "debug np ssl-clear"));
	data = device_command(&dev, "debug np ssl-learned-clear",
	                      json_pack("{s:s}", "name", "a.test"), NULL);
	assert_string_equal(dev.last[DEV_WORKER].name, "learned_clear");
	assert_string_equal(dev.last[DEV_WORKER].arguments, "{\"name\":\"a.test\"}");
	json_decref(data);
	assert_true(log_has("audit", "debug np ssl-learned-clear"));
	assert_true(log_has("audit", "\"uid\":0"));
}

static void a_process_that_does_not_answer_is_named(void **state)
{
	json_t *data, *error;

	(void)state;
	start_committed();
	dev.answer[DEV_WIRE] = NULL;
	data = device_command(&dev, "show segments", NULL, &error);
	assert_non_null(error);
	assert_non_null(strstr(json_string_value(json_object_get(error, "text")), "wire"));
	json_decref(error);
	json_decref(data);
}

static void nonsense_is_refused(void **state)
{
	static const struct {
		const char *words, *arguments;
	} cases[] = {
	        {"no such", "{}"},
	        {"probe", "{\"server\":\"x\"}"}, /* tps's own */
	        {"show log", "{}"},
	        {"show log", "{\"kind\":\"nonsense\"}"},
	        {"show log", "{\"kind\":\"system\",\"last\":5}"},
	        {"show log", "{\"kind\":\"system\",\"last\":\"-1\"}"},
	        {"show log", "{\"kind\":\"system\",\"other\":\"x\"}"},
	        {"show log", "{\"kind\":\"../../etc/shadow\"}"},
	        {"config rollback", "{\"n\":\"0\"}"},
	        {"config rollback", "{\"n\":\"9\"}"},
	        {"panic stop", "{\"for\":\"soon\"}"},
	        {"panic except", "{\"what\":\"client\",\"value\":\"nobody\"}"},
	};

	(void)state;
	start_committed();
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		json_t *error = NULL, *data;

		data = device_command(&dev, cases[i].words, json_loads(cases[i].arguments, 0, NULL),
		                      &error);
		if (!error)
			fail_msg("%s %s was taken", cases[i].words, cases[i].arguments);
		json_decref(error);
		json_decref(data);
	}
}

static int connect_raw(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", dev.socket);
	assert_int_equal(connect(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	return fd;
}

static bool ended(int fd)
{
	ssize_t n = -1;
	char c;

	errno = EAGAIN;
	for (unsigned i = 0; i < 500 && n < 0 && errno == EAGAIN; i++) {
		device_run(&dev, 10);
		n = recv(fd, &c, 1, MSG_DONTWAIT);
	}
	return n == 0 || (n < 0 && errno != EAGAIN);
}

static bool ignore_piece(void *arg, const json_t *data)
{
	return true;
}

/* The socket's mode keeps others out; were it open, the kernel's word on who they are does. */
static void others_are_not_permitted(void **state)
{
	static const char *const words[] = {"show version", "panic clear"};
	int status = -1;
	pid_t pid;

	(void)state;
	start_committed();
	assert_int_equal(chmod(dev.dir, 0755) | chmod(dev.socket, 0666), 0);
	(void)fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct client *client;
		int refused = 0;

		if (setgroups(0, NULL) != 0 || setgid(65534) != 0 || setuid(65534) != 0)
			_exit(99);
		client = client_connect(dev.socket);
		for (size_t i = 0; client && i < SL_ARRAY_LEN(words); i++) {
			json_t *error;

			refused += client_request(client, words[i], NULL, ignore_piece, NULL,
			                          &error) == TPS_NOT_PERMITTED;
		}
		_exit(refused);
	}
	for (unsigned i = 0; i < 500 && waitpid(pid, &status, WNOHANG) == 0; i++)
		device_run(&dev, 10);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), SL_ARRAY_LEN(words));
}

static void bytes_that_are_no_frame_end_the_connection(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
	        {"\xff\xff\xff\xff", 4},
	        {"\0\0\0\0", 4},
	        {"\0\x20\0\0", 4},
	        {"\0\0\0\x02[]", 6},
	        {"\0\0\0\x05"
	         "hello",
	         9},
	};
	json_t *data;

	(void)state;
	start_committed();
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		int fd = connect_raw();

		errno = 0;
		assert_int_equal(send(fd, cases[i].bytes, cases[i].len, 0), cases[i].len);
		assert_true(ended(fd));
		(void)close(fd);
	}
	data = device_command(&dev, "show version", NULL, NULL);
	json_decref(data);
}

static void a_reader_that_does_not_read_is_dropped(void **state)
{
	static const char ask[] = "{\"id\":1,\"cmd\":\"show counters\"}";
	uint8_t head[4] = {0, 0, 0, sizeof(ask) - 1};
	unsigned sent = 0;
	json_t *data;
	int fd;

	(void)state;
	start_committed();
	fd = connect_raw();
	for (; sent < 20000; sent++) {
		if (send(fd, head, 4, MSG_NOSIGNAL) != 4 ||
		    send(fd, ask, sizeof(ask) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(ask) - 1)
			break;
	}
	assert_true(sent < 20000);
	(void)close(fd);
	data = device_command(&dev, "show version", NULL, NULL);
	json_decref(data);
	assert_true(log_has("system", "does not read its answers"));
}

static void too_many_clients_are_turned_away(void **state)
{
	int fds[40];
	unsigned gone = 0;

	(void)state;
	start_committed();
	for (unsigned i = 0; i < SL_ARRAY_LEN(fds); i++)
		fds[i] = connect_raw();
	device_run(&dev, 100);
	for (unsigned i = 0; i < SL_ARRAY_LEN(fds); i++) {
		char c;

		errno = 0;
		gone += recv(fds[i], &c, 1, MSG_DONTWAIT) <= 0 && errno != EAGAIN;
	}
	assert_int_equal(gone, SL_ARRAY_LEN(fds) - 32);
	for (unsigned i = 0; i < SL_ARRAY_LEN(fds); i++)
		(void)close(fds[i]);
}

/* ---- events ------------------------------------------------------------------------------ */

static void write_event(unsigned slot, enum event_kind kind, const char *type, const char *word)
{
	static struct event_line line;

	event_begin(&line, kind, type);
	event_text(&line, "word", word);
	assert_int_equal(event_end(&line, dev.rings[slot]), 0);
}

static void a_worker_writes_its_events_and_no_others(void **state)
{
	(void)state;
	start_committed();
	write_event(PROC_SLOT_WORKER, EVENT_SSL_INSPECTION, "ssl_inspection", "true-session");
	write_event(PROC_SLOT_WORKER, EVENT_AUDIT, "audit", "forged-audit");
	assert_int_equal(ring_write(dev.rings[PROC_SLOT_WORKER], EVENT_SYSTEM, "{}\n{}", 5), 0);
	assert_true(log_has("ssl_inspection", "true-session"));
	assert_false(log_has("audit", "forged-audit"));
	assert_true(log_has("system", "broken into or faulty"));
	assert_int_equal(counter_sum(dev.counters, COUNTER_refused), 2);
}

static void a_full_ring_is_a_gap(void **state)
{
	static char big[9000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	for (unsigned i = 0; i < 20; i++) {
		static struct event_line line;

		event_begin(&line, EVENT_IPS_BLOCK, "alert");
		event_text(&line, "pad", big);
		(void)event_end(&line, dev.rings[PROC_SLOT_WORKER]);
	}
	start_committed();
	assert_true(log_has("ips_block", "\"gap\":{\"kind\":\"ips_block\",\"lost\":"));
	assert_true(counter_sum(dev.counters, COUNTER_lost) > 10);
}

static void logs_are_shown_filtered(void **state)
{
	json_t *data, *list;

	(void)state;
	start_committed();
	write_event(PROC_SLOT_WORKER, EVENT_SSL_INSPECTION, "ssl_inspection", "apple");
	write_event(PROC_SLOT_WORKER, EVENT_SSL_INSPECTION, "ssl_inspection", "pear");
	device_run(&dev, 250);
	data = device_command(
	        &dev, "show log",
	        json_pack("{s:s,s:s}", "kind", "ssl_inspection", "filter", "word=app*"), NULL);
	list = json_array_get(data, 0);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "word")),
	                    "apple");
	json_decref(data);
	data = device_command(&dev, "show log",
	                      json_pack("{s:s,s:s}", "kind", "ssl_inspection", "filter", "pea"),
	                      NULL);
	assert_int_equal(json_array_size(json_array_get(data, 0)), 1);
	json_decref(data);
}

static void each_show_command_answers(void **state)
{
	static const struct {
		const char *words, *arguments;
	} cases[] = {
	        {"show virtual segments", "{}"},
	        {"show certificates", "{}"},
	        {"show ssl-inspection failures", "{}"},
	        {"show ssl-inspection would", "{}"},
	        {"show capacity", "{}"},
	        {"show traffic", "{}"},
	        {"show counters", "{}"},
	        {"debug np stats show", "{\"group\":\"npSslInspStats\"}"},
	        {"show ssl-inspection troubleshoot", "{\"case\":\"not-inspected\"}"},
	        {"show ssl-inspection troubleshoot", "{\"case\":\"unreachable\"}"},
	        {"show ssl-inspection troubleshoot", "{\"case\":\"unexpected-alerts\"}"},
	        {"panic status", "{}"},
	        {"show version", "{}"},
	        {"config history", "{}"},
	};

	(void)state;
	start_committed();
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		json_t *data = device_command(&dev, cases[i].words,
		                              json_loads(cases[i].arguments, 0, NULL), NULL);

		assert_int_equal(json_array_size(data), 1);
		json_decref(data);
	}
}

static void a_decryption_policy_is_exported_as_a_file(void **state)
{
	json_t *data, *error;
	const char *text;

	(void)state;
	start_committed();
	data = device_command(&dev, "decryption export", json_pack("{s:s}", "policy", "Default"),
	                      NULL);
	text = json_string_value(json_object_get(json_array_get(data, 0), "text"));
	assert_non_null(strstr(text, "# of the decryption policy Default\n"));
	assert_non_null(strstr(text, "\n*.push.apple.com\n"));
	json_decref(data);
	data = device_command(&dev, "decryption export",
	                      json_pack("{s:s, s:s}", "policy", "Default", "list", "overrides"),
	                      NULL);
	assert_string_equal(json_string_value(json_object_get(json_array_get(data, 0), "text")),
	                    "# of the decryption policy Default\n");
	json_decref(data);
	data = device_command(&dev, "decryption export", json_pack("{s:s}", "policy", "none"),
	                      &error);
	assert_non_null(
	        strstr(json_string_value(json_object_get(error, "text")), "no decryption policy"));
	json_decref(error);
	json_decref(data);
}

static void licence_is_built_in_and_drain_is_told(void **state)
{
	json_t *data, *licence;

	(void)state;
	start_committed();
	data = device_command(&dev, "show version", NULL, NULL);
	licence = json_object_get(json_array_get(data, 0), "licence");
	assert_string_equal(json_string_value(json_object_get(licence, "source")), "built-in");
	json_decref(data);
	dev.answer[DEV_WORKER] = "{\"sessions\":3}";
	data = device_command(&dev, "drain", json_pack("{s:s}", "deadline", "7s"), NULL);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(data, 0), "sessions")),
	                 3);
	json_decref(data);
	assert_non_null(strstr(dev.seen[DEV_WIRE], "stop {\"state\":\"on\"}"));
	assert_non_null(strstr(dev.last[DEV_WORKER].arguments, "\"deadline_ms\":7000"));
	dev.seen[DEV_WIRE][0] = '\0';
	data = device_command(&dev, "drain", json_pack("{s:b}", "off", 1), NULL);
	json_decref(data);
	assert_non_null(strstr(dev.seen[DEV_WIRE], "stop {\"state\":\"off\"}"));
	assert_non_null(strstr(dev.last[DEV_WORKER].arguments, "\"on\":false"));
}

static void traffic_and_capacity_are_the_counters(void **state)
{
	struct counter_slab *slab = counter_file_slab(dev.counters, PROC_SLOT_WORKER);
	json_t *data, *seen, *rows;

	(void)state;
	start_committed();
	counter_add(slab, COUNTER_accepted, 9);
	counter_add(slab, COUNTER_established, 7);
	counter_add(slab, COUNTER_active, 4);
	data = device_command(&dev, "show traffic", NULL, NULL);
	seen = json_object_get(json_array_get(data, 0), "seen");
	assert_int_equal(json_integer_value(json_object_get(seen, "last_minute")), 9);
	seen = json_object_get(json_array_get(data, 0), "inspected");
	assert_int_equal(json_integer_value(json_object_get(seen, "total")), 7);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(data, 0), "active")), 4);
	json_decref(data);
	dev.answer[DEV_WIRE] =
	        "[{\"resource\":\"flows\",\"now\":1,\"peak\":2,\"limit\":100},"
	        "{\"resource\":\"held_packets\",\"now\":90,\"peak\":95,\"limit\":100}]";
	data = device_command(&dev, "show capacity", NULL, NULL);
	rows = json_array_get(data, 0);
	assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 0), "resource")),
	                    "held_packets");
	assert_int_equal(json_array_size(rows), 4);
	json_decref(data);
}

static void write_failure(const char *client, const char *sni, enum reason reason, unsigned count)
{
	static struct event_line line;

	event_begin(&line, EVENT_SSL_INSPECTION, "ssl_inspection");
	event_uint(&line, "flow_id", 77);
	event_text(&line, "src_ip", client);
	event_text(&line, "dest_ip", "10.0.0.20");
	event_uint(&line, "dest_port", 443);
	event_text(&line, "outcome", reason_outcome_name(reason_outcome(reason)));
	event_text(&line, "reason", reason_name(reason));
	event_uint(&line, "count", count);
	event_object_begin(&line, "tls");
	event_text(&line, "sni", sni);
	event_object_end(&line);
	assert_int_equal(event_end(&line, dev.rings[PROC_SLOT_WORKER]), 0);
}

static void failures_are_added_up_by_name_and_reason(void **state)
{
	json_t *data, *list, *row;

	(void)state;
	start_committed();
	write_failure("10.0.0.1", "a.example", REASON_CLIENT_SUITE, 3);
	write_failure("10.0.0.2", "a.example", REASON_CLIENT_SUITE, 1);
	write_failure("10.0.0.2", "b.example", REASON_SERVER_VERSION, 1);
	write_failure("10.0.0.2", "b.example", REASON_CLOSED, 1);
	device_run(&dev, 250);
	data = device_command(&dev, "show ssl-inspection failures", NULL, NULL);
	list = json_array_get(data, 0);
	assert_int_equal(json_array_size(list), 2);
	row = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(row, "server")), "a.example");
	assert_int_equal(json_integer_value(json_object_get(row, "count")), 4);
	assert_int_equal(json_integer_value(json_object_get(row, "clients")), 2);
	assert_string_equal(json_string_value(json_object_get(row, "side")), "client");
	assert_true(json_string_length(json_object_get(row, "fix")) > 10);
	json_decref(data);
	data = device_command(&dev, "explain", json_pack("{s:s}", "session", "77"), NULL);
	assert_int_equal(json_array_size(json_object_get(json_array_get(data, 0), "events")), 4);
	json_decref(data);
}

static void write_would(const char *policy, const char *sni, enum reason_outcome outcome,
                        enum reason reason, unsigned count)
{
	static struct event_line line;

	event_begin(&line, EVENT_SSL_INSPECTION, "ssl_inspection");
	event_text(&line, "src_ip", "10.0.0.1");
	event_text(&line, "dest_ip", "10.0.0.20");
	event_uint(&line, "dest_port", 443);
	event_text(&line, "policy", policy);
	event_text(&line, "reason", reason_name(REASON_OBSERVED));
	event_object_begin(&line, "would");
	event_text(&line, "outcome", reason_outcome_name(outcome));
	if (reason != REASON_NONE)
		event_text(&line, "reason", reason_name(reason));
	event_object_end(&line);
	if (count > 0)
		event_uint(&line, "count", count);
	event_object_begin(&line, "tls");
	event_text(&line, "sni", sni);
	event_object_end(&line);
	assert_int_equal(event_end(&line, dev.rings[PROC_SLOT_WORKER]), 0);
}

static void what_would_have_been_is_added_up_by_policy_outcome_and_reason(void **state)
{
	json_t *data, *list, *row;

	(void)state;
	start_committed();
	write_would("out", "a.example", OUTCOME_INSPECTED, REASON_NONE, 0);
	write_would("out", "a.example", OUTCOME_INSPECTED, REASON_NONE, 5);
	write_would("out", "b.example", OUTCOME_INSPECTED, REASON_NONE, 0);
	write_would("out", "bank.example", OUTCOME_NOT_DECRYPTED, REASON_CATEGORY, 0);
	write_would("out", "mine.example", OUTCOME_NOT_DECRYPTED, REASON_DOMAIN, 0);
	write_would("other", "a.example", OUTCOME_INSPECTED, REASON_NONE, 0);
	write_failure("10.0.0.1", "a.example", REASON_CLIENT_SUITE, 3);
	device_run(&dev, 250);
	data = device_command(&dev, "show ssl-inspection would", NULL, NULL);
	list = json_array_get(data, 0);
	assert_int_equal(json_array_size(list), 4);
	row = json_array_get(list, 0);
	assert_string_equal(json_string_value(json_object_get(row, "policy")), "out");
	assert_string_equal(json_string_value(json_object_get(row, "would")), "inspected");
	assert_int_equal(json_integer_value(json_object_get(row, "count")), 7);
	assert_string_equal(json_string_value(json_object_get(row, "last_name")), "b.example");
	assert_int_equal(json_integer_value(json_object_get(row, "clients")), 1);
	json_decref(data);
}

static void it_ends_when_asked_and_the_others_last_words_are_kept(void **state)
{
	(void)state;
	start_committed();
	write_event(PROC_SLOT_WORKER, EVENT_SSL_INSPECTION, "ssl_inspection", "last-words");
	device_stop(&dev, false);
	assert_true(log_has("ssl_inspection", "last-words"));
	assert_int_not_equal(access(dev.socket, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(commands_of_others_go_there_and_come_back),
	        TEST(a_process_that_does_not_answer_is_named),
	        TEST(nonsense_is_refused),
	        TEST(others_are_not_permitted),
	        TEST(bytes_that_are_no_frame_end_the_connection),
	        TEST(a_reader_that_does_not_read_is_dropped),
	        TEST(too_many_clients_are_turned_away),
	        TEST(a_worker_writes_its_events_and_no_others),
	        TEST(a_full_ring_is_a_gap),
	        TEST(logs_are_shown_filtered),
	        TEST(each_show_command_answers),
	        TEST(a_decryption_policy_is_exported_as_a_file),
	        TEST(licence_is_built_in_and_drain_is_told),
	        TEST(traffic_and_capacity_are_the_counters),
	        TEST(failures_are_added_up_by_name_and_reason),
	        TEST(what_would_have_been_is_added_up_by_policy_outcome_and_reason),
	        TEST(it_ends_when_asked_and_the_others_last_words_are_kept),
	};

	return RUN_TESTS(tests);
}
