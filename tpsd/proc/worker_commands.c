/* SPDX-License-Identifier: Apache-2.0 */
/* What `control` asks of a worker: commands of tps by name, their arguments and answers in JSON. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/cli/command.h"
#include "tpsd/proc/worker_priv.h"
#include "tpsd/tls/suite.h"

enum { ANSWER_MAX = 128 * 1024 };

static int show_sessions(struct worker *w, const json_t *arguments, struct buf *out)
{
	json_int_t limit = json_integer_value(json_object_get(arguments, "limit"));
	const char *text = json_string_value(json_object_get(arguments, "limit"));

	if (text)
		limit = strtoll(text, NULL, 10);
	return host_list_json(w->host, limit > 0 ? (size_t)limit : CLI_SESSIONS_SHOWN, out);
}

static int show_capabilities(struct worker *w, const json_t *arguments, struct buf *out)
{
	return tls_capability_json(host_capability(w->host), out);
}

static int show_failures(struct worker *w, const json_t *arguments, struct buf *out)
{
	return host_failures_json(w->host, out);
}

/* A number as such or as digits, since a command line has only text. */
static uint64_t number_of(const json_t *arguments, const char *key)
{
	const json_t *value = json_object_get(arguments, key);

	return json_is_string(value) ? strtoull(json_string_value(value), NULL, 10)
	                             : (uint64_t)json_integer_value(value);
}

static int show_explain(struct worker *w, const json_t *arguments, struct buf *out)
{
	return host_explain_json(w->host, number_of(arguments, "session"), out);
}

static int show_learned(struct worker *w, const json_t *arguments, struct buf *out)
{
	return host_learned_json(w->host, out);
}

static int clear_learned(struct worker *w, const json_t *arguments, struct buf *out)
{
	const char *name = json_string_value(json_object_get(arguments, "name"));

	return buf_printf(out, "{\"cleared\":%zu}", host_learned_clear(w->host, name));
}

static int address_of(const json_t *arguments, const char *key, struct addr *addr,
                      const struct addr **ret)
{
	const char *text = json_string_value(json_object_get(arguments, key));
	int rc = text ? addr_parse(text, addr) : 0;

	*ret = text && rc == 0 ? addr : NULL;
	return rc;
}

static int show_decisions(struct worker *w, const json_t *arguments, struct buf *out)
{
	uint64_t port = number_of(arguments, "port");
	struct host_question q = {.name = json_string_value(json_object_get(arguments, "name")),
	                          .port = (uint16_t)port};
	struct addr client, server;
	bool any_port = !json_object_get(arguments, "port");
	int rc = q.name && port <= UINT16_MAX && (port > 0 || any_port) ? 0 : SL_EINVAL;

	if (rc == 0)
		rc = address_of(arguments, "client", &client, &q.client);
	if (rc == 0)
		rc = address_of(arguments, "server", &server, &q.server);
	return rc == 0 ? host_decisions_json(w->host, &q, out) : rc;
}

static int clear_sessions(struct worker *w, const json_t *arguments, struct buf *out)
{
	struct host_filter filter = {.flow = number_of(arguments, "session")};
	struct addr client, server;
	int rc = address_of(arguments, "client", &client, &filter.client);

	if (rc == 0)
		rc = address_of(arguments, "server", &server, &filter.server);
	if (rc != 0)
		return rc;
	return buf_printf(out, "{\"cleared\":%zu}", host_clear(w->host, &filter));
}

static bool read_exception(const json_t *entry, struct host_exception *e)
{
	const char *what = json_string_value(json_object_get(entry, "what"));
	const char *value = json_string_value(json_object_get(entry, "value"));

	if (!what || !value)
		return false;
	*e = (struct host_exception){.kind = HOST_EXCEPT_DOMAIN};
	if (strcmp(what, "domain") == 0) {
		if (strlen(value) >= sizeof(e->domain))
			return false;
		memcpy(e->domain, value, strlen(value) + 1);
		return true;
	}
	e->kind = strcmp(what, "client") == 0 ? HOST_EXCEPT_CLIENT : HOST_EXCEPT_SERVER;
	return addr_parse(value, &e->addr) == 0;
}

/* R157, steps 1 and 2; the third is the wire's. */
static int set_panic(struct worker *w, const json_t *arguments, struct buf *out)
{
	const json_t *list = json_object_get(arguments, "exceptions"), *entry;
	struct host_exception exceptions[HOST_EXCEPTIONS_MAX];
	size_t i, n = 0;

	json_array_foreach(list, i, entry)
	{
		if (n < HOST_EXCEPTIONS_MAX && read_exception(entry, &exceptions[n]))
			n++;
	}
	host_set_exceptions(w->host, exceptions, n);
	host_pause(w->host, json_integer_value(json_object_get(arguments, "step")) >= 2);
	return buf_printf(out, "{}");
}

/* R36, R40: what the device may not do. */
static int set_licence(struct worker *w, const json_t *arguments, struct buf *out)
{
	const json_t *denied = json_object_get(arguments, "denied");
	struct host_unlicensed unlicensed = {
	        .inspection = json_is_true(json_object_get(denied, "ssl_inspection")),
	        .categories = json_is_true(json_object_get(denied, "categories")),
	};

	host_set_unlicensed(w->host, &unlicensed);
	return buf_printf(out, "{}");
}

static int drain(struct worker *w, const json_t *arguments, struct buf *out)
{
	json_int_t ms = json_integer_value(json_object_get(arguments, "deadline_ms"));

	worker_pause(w, json_is_true(json_object_get(arguments, "on")), ms > 0 ? (uint64_t)ms : 0);
	return buf_printf(out, "{\"sessions\":%zu}", host_sessions(w->host));
}

static const struct {
	const char *name;
	int (*run)(struct worker *w, const json_t *arguments, struct buf *out);
} commands[] = {
        {"sessions", show_sessions},   {"capabilities", show_capabilities},
        {"failures", show_failures},   {"explain", show_explain},
        {"clear", clear_sessions},     {"session_clear", clear_sessions},
        {"panic", set_panic},          {"drain", drain},
        {"learned", show_learned},     {"learned_clear", clear_learned},
        {"decisions", show_decisions}, {"licence", set_licence},
};

void worker_command(struct proc *proc, uint64_t id, const char *name, const char *arguments_json)
{
	json_t *arguments = json_loads(arguments_json, 0, NULL);
	int rc = SL_EUNSUPPORTED;
	struct buf out;

	buf_init(&out, ANSWER_MAX);
	for (size_t i = 0; i < SL_ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].name, name) == 0)
			rc = commands[i].run(proc->state, arguments, &out);
	if (rc == 0)
		proc_answer(proc, id, 0, buf_text(&out), out.len, false);
	else
		proc_answer(proc, id, rc, "null", 4, false);
	buf_fini(&out);
	json_decref(arguments);
}
