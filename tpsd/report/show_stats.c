/* SPDX-License-Identifier: Apache-2.0 */
/* Counters and the daemon's version (R148-R150). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/conf/schema.h"
#include "tpsd/report/control.h"
#include "tpsd/report/handlers.h"
#include "tpsd/report/licensing.h"
#include "tpsd/report/panic.h"
#include "tpsd/report/server.h"
#include "tpsd/report/transaction.h"

/* What devices of this kind are called by the guides (R34). */
#define DEVICE_MODEL "vTPS"

/* Copies the producers' losses into the answer's moment: gauges and counters of a group. */
static json_t *group_object(const struct counter_file *file, const char *group)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < COUNTER_END; i++)
		if (strcmp(counter_group((enum counter)i), group) == 0)
			(void)json_object_set_new(
			        object, counter_name((enum counter)i),
			        json_integer((json_int_t)counter_sum(file, (enum counter)i)));
	return object;
}

static json_t *reasons_object(const struct counter_file *file)
{
	json_t *object = json_object();

	for (unsigned i = 0; i < REASON_END; i++) {
		uint64_t n = counter_sum_reason(file, (enum reason)i);

		if (n > 0)
			(void)json_object_set_new(object, reason_name((enum reason)i),
			                          json_integer((json_int_t)n));
	}
	return object;
}

void handle_debug_stats(struct request *request)
{
	request_ok(request, group_object(request->control->proc->counter_file,
	                                 request_text(request, "group")));
}

void handle_show_counters(struct request *request)
{
	const struct counter_file *file = request->control->proc->counter_file;
	const char *wanted = request_text(request, "group");
	json_t *all = json_object();

	for (unsigned i = 0; i < COUNTER_END; i++) {
		const char *group = counter_group((enum counter)i);

		if ((!wanted || strcmp(wanted, group) == 0) && !json_object_get(all, group))
			(void)json_object_set_new(all, group, group_object(file, group));
	}
	if (!wanted || strcmp(wanted, "reasons") == 0)
		(void)json_object_set_new(all, "reasons", reasons_object(file));
	if (json_object_size(all) > 0) {
		request_ok(request, all);
		return;
	}
	json_decref(all);
	request_error(request, SL_ENOENT, "no such group of counters",
	              "'tps show counters' lists all of them");
}

/* Settings whose place is prepared, and why this build refuses them. */
static void add_unavailable(json_t *out, const struct conf_object *object, const char *above)
{
	for (size_t i = 0; i < object->count; i++) {
		const struct conf_field *f = &object->fields[i];
		char path[256];

		(void)snprintf(path, sizeof(path), "%s%s%s", above, *above ? "." : "", f->name);
		if (f->flags & CONF_UNAVAILABLE)
			(void)json_object_set_new(out, path, json_string(f->unavailable));
		else if (f->object)
			add_unavailable(out, f->object, path);
	}
}

/* R34, R35: what a management system decides by, besides the capabilities of the TLS library. */
static void add_device(json_t *object)
{
	json_t *unavailable = json_object();

	add_unavailable(unavailable, &conf_schema, "");
	(void)json_object_set_new(object, "model", json_string(DEVICE_MODEL));
	(void)json_object_set_new(
	        object, "certificates_max",
	        json_integer((json_int_t)conf_object_field(&conf_schema, "certificates")->max));
	(void)json_object_set_new(object, "not_in_this_build", unavailable);
}

/* R36: what is denied, and why, where everybody looks first. */
static void add_licence(const struct control *c, json_t *object)
{
	const struct licence_verdict *v = licensing_verdict(c->licensing, LICENCE_SSL_INSPECTION);
	json_t *licence = json_pack("{s:s}", "source", licence_source_name(v->source));

	for (unsigned i = 0; i < LICENCE_CAPABILITY_END; i++)
		(void)json_object_set_new(
		        licence, licence_capability_name(i),
		        json_string(licence_state_name(licensing_verdict(c->licensing, i)->state)));
	(void)json_object_set_new(licence, "text", json_string(v->text));
	(void)json_object_set_new(object, "licence", licence);
}

void handle_show_version(struct request *request)
{
	struct control *c = request->control;
	json_t *object = json_object();

	(void)json_object_set_new(object, "version", json_string(SLUICE_VERSION));
	add_device(object);
	(void)json_object_set_new(object, "instance", json_string(c->proc->instance));
	(void)json_object_set_new(
	        object, "up_s",
	        json_integer((json_int_t)((clock_now_ns() - c->started_ns) / CLOCK_NS_PER_S)));
	(void)json_object_set_new(object, "workers", json_integer(c->proc->nworkers));
	add_licence(c, object);
	(void)json_object_set_new(object, "panic", panic_describe(c->panic));
	(void)json_object_set_new(object, "draining", json_boolean(c->draining));
	(void)json_object_set_new(object, "configuration", transaction_describe(c->transaction));
	request_ok(request, object);
}
