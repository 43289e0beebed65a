/* SPDX-License-Identifier: Apache-2.0 */
/* R151: for each check a fault that fails this one and no other. */
#include "tests/unit/unit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/conf/config.h"
#include "lib/conf/error.h"
#include "lib/conf/node.h"
#include "tpsd/report/control.h"
#include "tpsd/report/licensing.h"
#include "tpsd/report/panic.h"
#include "tpsd/report/troubleshoot.h"

static char dir[64];

/* Panic and licence are all of `control` that a check asks for by a function. */
struct panic {
	enum panic_step step;
};
static struct panic panic;

enum panic_step panic_step(const struct panic *p)
{
	return p->step;
}

struct licensing {
	struct licence_verdict inspection;
};
static struct licensing licensing = {{.text = "as it is"}};

bool licensing_denies(const struct licensing *l, enum licence_capability capability)
{
	return capability == LICENCE_SSL_INSPECTION && l->inspection.state != LICENCE_ALLOWED;
}

const struct licence_verdict *licensing_verdict(const struct licensing *l,
                                                enum licence_capability capability)
{
	return &l->inspection;
}

struct device {
	struct proc proc;
	struct control control;
	struct config *config;
	json_t *segments;
};

static void run(const char *fmt, ...) SL_PRINTF(1, 2);

static void run(const char *fmt, ...)
{
	char command[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (system(command) != 0)
		fail_msg("failed: %s", command);
}

static int make_files(void **state)
{
	(void)state;
	(void)snprintf(dir, sizeof(dir), "/tmp/test_trouble.XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	for (unsigned i = 0; i < 2; i++)
		run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "
		    "%s/%u.key -out %s/%u.pem -subj /CN=%u.test -days 90 >/dev/null 2>&1",
		    dir, i, dir, i, i);
	/* What follows the leaf was issued by another and issues nothing. */
	run("openssl req -new -key %s/1.key -subj /CN=x.test 2>/dev/null | openssl x509 -req -CA "
	    "%s/1.pem -CAkey %s/1.key -CAcreateserial -days 9 -out %s/x.pem 2>/dev/null && cat "
	    "%s/0.pem %s/x.pem > %s/broken.pem",
	    dir, dir, dir, dir, dir, dir, dir);
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	run("rm -rf '%s'", dir);
	return 0;
}

struct document {
	const char *certificate, *proxy, *policy, *virtual_segment, *inspection, *bypass;
};

static const struct document good = {
        .certificate = "0.pem",
        .proxy = "destinations: [10.0.0.20], detection_ports: [\"443\"]",
        .policy = "state: on",
        .virtual_segment = "vlans: [7], sources: [10.0.0.0/24]",
        .inspection = "server: true",
        .bypass = "destinations: [10.9.9.9]",
};

static struct config *build(const struct document *d)
{
	struct conf_errors errs;
	struct conf_document *doc;
	struct config *config = NULL;
	char text[4096];

	(void)snprintf(
	        text, sizeof(text),
	        "version: 1\ndevice: {name: d}\nsegments: [{name: wan, port_a: eth1, port_b: "
	        "eth2}]\n"
	        "inspection_bypass_rules: [{name: b, segments: [wan], %s}]\n"
	        "certificates: [{name: c, certificate: \"%s/%s\", private_key: \"%s/0.key\"}]\n"
	        "ssl_server_proxies: [{name: p, decrypted_service: http, certificates: [c], %s}]\n"
	        "profiles: [{name: f, ssl_server_policies: [{name: l, proxy: p, %s}]}]\n"
	        "virtual_segments: [{name: v, segment: wan, direction: a_to_b, profile: f, %s}]\n"
	        "ssl_inspection: {%s}\n",
	        d->bypass, dir, d->certificate, dir, d->proxy, d->policy, d->virtual_segment,
	        d->inspection);
	conf_errors_init(&errs);
	if (conf_load_yaml("t.yaml", text, strlen(text), &errs, &doc) == 0) {
		(void)!config_build(conf_document_root(doc), &errs, &config);
		conf_document_destroy(doc);
	}
	for (size_t i = 0; !config && i < errs.count; i++)
		print_message("%u:%u %s: %s\n", errs.items[i].line, errs.items[i].column,
		              errs.items[i].pointer, errs.items[i].text);
	conf_errors_fini(&errs);
	assert_non_null(config);
	return config;
}

/* Healthy: everything was seen and inspected, nothing failed. */
static struct device healthy(const struct document *d)
{
	struct device dev = {.config = build(d)};
	struct counter_slab *s;
	char path[96];

	(void)snprintf(path, sizeof(path), "%s/counters", dir);
	assert_int_equal(counter_file_create(path, &dev.proc.counter_file), 0);
	s = counter_file_slab(dev.proc.counter_file, PROC_SLOT_WORKER);
	counter_add(s, COUNTER_watched_flows, 10);
	counter_add(s, COUNTER_taken, 10);
	counter_add(s, COUNTER_established, 10);
	counter_add(s, COUNTER_bytes_inspected, 1000);
	dev.segments = json_loads("[{\"name\":\"wan\",\"port_a\":{\"link\":\"up\"},"
	                          "\"port_b\":{\"link\":\"up\"}}]",
	                          0, NULL);
	panic.step = PANIC_NONE;
	return dev;
}

static struct counter_slab *slab(struct device *dev)
{
	return counter_file_slab(dev->proc.counter_file, PROC_SLOT_WORKER);
}

/* The checks of the table, and which of them were seen to fail alone. */
static struct {
	const char *text;
	bool failed_alone;
} table[] = {
#define X(name, cases, text) {text, false},
#include "tpsd/report/troubleshoot.def"
#undef X
};

/* All checks of a case; exactly `expected` fails (NULL: none). */
static void judge(struct device *dev, enum trouble_case which, const char *expected)
{
	struct trouble t = {.control = &dev->control,
	                    .config = dev->config,
	                    .segments = dev->segments,
	                    .server_port = 443,
	                    .vlan = 7};
	json_t *list, *one;
	bool seen = false;
	size_t i;

	dev->control.panic = &panic;
	dev->control.licensing = &licensing;
	dev->control.proc = &dev->proc;
	assert_int_equal(addr_parse("10.0.0.10", &t.client), 0);
	assert_int_equal(addr_parse("10.0.0.20", &t.server), 0);
	list = troubleshoot(&t, which);
	json_array_foreach(list, i, one)
	{
		const char *check = json_string_value(json_object_get(one, "check"));
		const char *result = json_string_value(json_object_get(one, "result"));
		bool fails = strcmp(result, "fail") == 0;

		assert_true(json_string_length(json_object_get(one, "evidence")) > 0);
		if (fails)
			assert_true(json_string_length(json_object_get(one, "remedy")) > 0);
		if (fails && (!expected || strcmp(check, expected) != 0))
			fail_msg("%s fails: %s", check,
			         json_string_value(json_object_get(one, "evidence")));
		seen |= fails;
	}
	if (expected && !seen)
		fail_msg("%s does not fail", expected);
	for (i = 0; expected && i < SL_ARRAY_LEN(table); i++)
		if (!strcmp(table[i].text, expected))
			table[i].failed_alone = true;
	json_decref(list);
}

static void end(struct device *dev)
{
	config_put(dev->config);
	counter_file_close(dev->proc.counter_file);
	json_decref(dev->segments);
}

static void a_healthy_device_passes_every_check(void **state)
{
	struct device dev = healthy(&good);

	(void)state;
	judge(&dev, NOT_INSPECTED, NULL);
	judge(&dev, UNREACHABLE, NULL);
	judge(&dev, UNEXPECTED_ALERTS, NULL);
	end(&dev);
}

/* Faults of the document. */
static void each_setting_fails_its_own_check(void **state)
{
	static const struct {
		size_t field;
		const char *value, *check;
		enum trouble_case which;
	} cases[] = {
#define FIELD(f) offsetof(struct document, f)
	        {FIELD(inspection), "server: false", "SSL inspection enabled", NOT_INSPECTED},
	        {FIELD(certificate), "none.pem", "server certificate and its key", NOT_INSPECTED},
	        {FIELD(certificate), "broken.pem", "intermediates sent along", UNEXPECTED_ALERTS},
	        {FIELD(proxy), "destinations: [10.7.7.7], detection_ports: [\"443\"]",
	         "server address and port covered by a proxy", NOT_INSPECTED},
	        {FIELD(virtual_segment), "vlans: [8]", "VLAN", NOT_INSPECTED},
	        {FIELD(policy), "state: off", "policy in a profile that is applied", NOT_INSPECTED},
	        {FIELD(virtual_segment), "vlans: [7], sources: [10.5.0.0/24]",
	         "addresses of a virtual segment", NOT_INSPECTED},
	        {FIELD(bypass), "destinations: [10.0.0.20]", "inspection bypass rules",
	         NOT_INSPECTED},
	        {FIELD(policy), "state: on, source_exceptions: [10.0.0.10]", "source exceptions",
	         NOT_INSPECTED},
#undef FIELD
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct document d = good;
		struct device dev;

		*(const char **)(void *)((char *)&d + cases[i].field) = cases[i].value;
		dev = healthy(&d);
		judge(&dev, cases[i].which, cases[i].check);
		end(&dev);
	}
}

/* Faults that counters show. */
static void each_count_fails_its_own_check(void **state)
{
	static const struct {
		enum counter counter;
		const char *check;
		enum trouble_case which;
	} cases[] = {
	        {COUNTER_serverConnectionFailures, "connections to servers", UNREACHABLE},
	        {COUNTER_serverMismatch, "same certificate as the server's", UNEXPECTED_ALERTS},
	        {COUNTER_keys_missing, "server certificate and its key", NOT_INSPECTED},
	};
	static const struct {
		enum reason reason;
		const char *check;
		enum trouble_case which;
	} ends[] = {
	        {REASON_OVERLOAD, "thresholds", NOT_INSPECTED},
	        {REASON_SERVER_SUITE, "sessions blocked by a failure class", UNREACHABLE},
	        {REASON_RULE, "sessions blocked by a filter", UNREACHABLE},
	        {REASON_CLIENT_ALERT, "clients that refuse the certificate", UNEXPECTED_ALERTS},
	        {REASON_CHAIN_INVALID, "trust store", UNEXPECTED_ALERTS},
	};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(cases); i++) {
		struct device dev = healthy(&good);

		counter_add(slab(&dev), cases[i].counter, 3);
		judge(&dev, cases[i].which, cases[i].check);
		end(&dev);
	}
	for (size_t i = 0; i < SL_ARRAY_LEN(ends); i++) {
		struct device dev = healthy(&good);

		counter_add_reason(slab(&dev), ends[i].reason);
		judge(&dev, ends[i].which, ends[i].check);
		end(&dev);
	}
}

static void traffic_that_is_not_there_fails_its_own_check(void **state)
{
	struct device dev = healthy(&good);

	(void)state;
	counter_sub(slab(&dev), COUNTER_watched_flows, 10);
	judge(&dev, NOT_INSPECTED, "traffic that matches");
	end(&dev);
	dev = healthy(&good);
	counter_sub(slab(&dev), COUNTER_bytes_inspected, 1000);
	judge(&dev, NOT_INSPECTED, "decrypted bytes inspected");
	end(&dev);
}

static void panic_licence_and_links_fail_their_own_checks(void **state)
{
	struct device dev = healthy(&good);

	(void)state;
	panic.step = PANIC_STOP;
	judge(&dev, NOT_INSPECTED, "panic mode and drain");
	panic.step = PANIC_NONE;
	dev.control.draining = true;
	judge(&dev, NOT_INSPECTED, "panic mode and drain");
	dev.control.draining = false;
	licensing.inspection.state = LICENCE_DENIED;
	judge(&dev, NOT_INSPECTED, "licence");
	licensing.inspection.state = LICENCE_ALLOWED;
	json_decref(dev.segments);
	dev.segments = json_loads("[{\"name\":\"wan\",\"port_a\":{\"link\":\"down\"}}]", 0, NULL);
	judge(&dev, UNREACHABLE, "segment up");
	json_decref(dev.segments);
	dev.segments = NULL;
	judge(&dev, NOT_INSPECTED, "segment up");
	end(&dev);
}

/* Of what these look at there is nothing in this build, so nothing can be wrong with it. */
static void every_check_has_failed_alone(void **state)
{
	static const char *const cannot_fail[] = {"traffic management and reputation"};

	(void)state;
	for (size_t i = 0; i < SL_ARRAY_LEN(table); i++) {
		bool exempt = false;

		for (size_t k = 0; k < SL_ARRAY_LEN(cannot_fail); k++)
			exempt |= !strcmp(table[i].text, cannot_fail[k]);
		if (table[i].failed_alone == exempt)
			fail_msg("%s: %s", table[i].text,
			         exempt ? "it can fail: take it off the list"
			                : "no test has seen it fail alone");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(a_healthy_device_passes_every_check),
	        cmocka_unit_test(each_setting_fails_its_own_check),
	        cmocka_unit_test(each_count_fails_its_own_check),
	        cmocka_unit_test(traffic_that_is_not_there_fails_its_own_check),
	        cmocka_unit_test(panic_licence_and_links_fail_their_own_checks),
	        cmocka_unit_test(every_check_has_failed_alone), /* the last */
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
