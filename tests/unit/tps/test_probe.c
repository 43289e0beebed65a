/* SPDX-License-Identifier: Apache-2.0 */
/* The probe against `openssl s_server`, which offers what it is told and no more. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "tps/probe.h"

static char dir[64];

static int make_certificates(void **state)
{
	char command[512];

	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/test_probe.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	(void)snprintf(
	        command, sizeof(command),
	        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "
	        "%s/k.pem -out %s/c.pem -subj /CN=probe.test -days 2 >/dev/null 2>&1",
	        dir, dir);
	return system(command);
}

static int remove_certificates(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

/* A port that was free a moment ago. */
static unsigned free_port(void)
{
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, sizeof(in)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	(void)close(fd);
	return ntohs(in.sin_port);
}

static bool answers(unsigned port)
{
	struct sockaddr_in in = {.sin_family = AF_INET,
	                         .sin_port = htons((uint16_t)port),
	                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool ok = connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0;

	(void)close(fd);
	return ok;
}

static pid_t start_server(unsigned port, const char *options)
{
	char command[512];
	pid_t pid;

	(void)snprintf(
	        command, sizeof(command),
	        "exec openssl s_server -accept 127.0.0.1:%u -key %s/k.pem -cert %s/c.pem -quiet "
	        "%s >/dev/null 2>&1 </dev/null",
	        port, dir, dir, options);
	pid = fork();
	if (pid == 0) {
		(void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	for (unsigned i = 0; i < 300 && !answers(port); i++)
		(void)usleep(10000);
	assert_true(answers(port));
	return pid;
}

static json_t *probe(unsigned port, const char *sni)
{
	struct probe_target t;
	char text[64];
	json_t *report = NULL;

	(void)snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	assert_int_equal(probe_parse_target(text, &t), 0);
	t.sni = sni;
	assert_int_equal(probe_run(&t, &report), 0);
	return report;
}

static void stop_server(pid_t pid)
{
	int status;

	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, &status, 0);
}

static void versions_and_suites_are_those_that_the_server_takes(void **state)
{
	unsigned port = free_port();
	pid_t pid = start_server(port, "-tls1_2 -cipher "
	                               "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-SHA");
	json_t *r = probe(port, "probe.test"), *suites, *cut;

	(void)state;
	stop_server(pid);
	assert_int_equal(json_array_size(json_object_get(r, "versions")), 1);
	suites = json_object_get(json_object_get(r, "suites"), "TLSv1.2");
	assert_int_equal(json_array_size(suites), 2);
	cut = json_object_get(json_object_get(r, "modern"), "cut_off");
	assert_int_equal(json_array_size(cut), 1);
	assert_string_equal(json_string_value(json_array_get(cut, 0)),
	                    "TLSv1.2 ECDHE-ECDSA-AES256-SHA");
	assert_true(json_is_false(json_object_get(r, "client_certificate")));
	assert_non_null(strstr(json_string_value(json_object_get(r, "proxy")), "preset: modern\n"));
	json_decref(r);
}

static void a_wish_for_a_client_certificate_is_seen(void **state)
{
	unsigned port = free_port();
	pid_t pid = start_server(port, "-verify 1");
	json_t *r = probe(port, NULL);

	(void)state;
	stop_server(pid);
	assert_true(json_is_true(json_object_get(r, "client_certificate")));
	assert_non_null(
	        strstr(json_string_value(json_object_get(r, "proxy")), "client_certificate"));
	assert_int_equal(json_array_size(json_object_get(r, "certificates")), 1);
	json_decref(r);
}

static void no_server_is_an_error_with_errno(void **state)
{
	struct probe_target t;
	json_t *report;

	(void)state;
	assert_int_equal(probe_parse_target("127.0.0.1:1", &t), 0);
	assert_int_equal(probe_run(&t, &report), SL_ESYS);
}

static void targets_are_address_and_port(void **state)
{
	static const char *const bad[] = {"",    "x",       "x:",    ":443",
	                                  "x:0", "x:65536", "x:44a", "[::1]"};
	struct probe_target t;

	(void)state;
	assert_int_equal(probe_parse_target("[::1]:443", &t), 0);
	assert_string_equal(t.host, "::1");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(probe_parse_target(bad[i], &t), SL_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(versions_and_suites_are_those_that_the_server_takes),
	        cmocka_unit_test(a_wish_for_a_client_certificate_is_seen),
	        cmocka_unit_test(no_server_is_an_error_with_errno),
	        cmocka_unit_test(targets_are_address_and_port),
	};

	return cmocka_run_group_tests(tests, make_certificates, remove_certificates);
}
