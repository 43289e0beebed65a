/* SPDX-License-Identifier: Apache-2.0 */
/* Panic mode of devices (R157): asked for, ended, looked at. */
#include "smsd/push/panic.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "smsd/api/route.h"
#include "smsd/base/moment.h"

enum { OK = 200 };

/* `id` 0: no order was made. */
static int answer_all(struct api_call *call, int64_t id)
{
	json_t *shown = NULL;
	int rc = panic_show(call->context->store, moment_now_ms(), &shown);

	if (rc == 0 && id != 0)
		(void)json_object_set_new(shown, "id", json_integer((json_int_t)id));
	return rc ? rc : api_answer(call, OK, shown);
}

int api_panic_show(struct api_call *call)
{
	return answer_all(call, 0);
}

/* NULL without any: all devices. The names live as long as the body. */
static int names_of(const struct api_call *call, const char ***ret_names, size_t *ret_count)
{
	const json_t *list = json_object_get(call->body, "devices");
	size_t count = json_array_size(list);
	const char **names = calloc(count + 1, sizeof(*names));

	if (!names)
		return SL_ENOMEM;
	for (size_t i = 0; i < count; i++)
		names[i] = json_string_value(json_array_get(list, i));
	*ret_names = names;
	*ret_count = count;
	return 0;
}

/* One of the three keys at most. */
static int read_what(struct api_call *call, struct panic_order *order)
{
	static const char *const keys[] = {"client", "server", "domain"};

	for (size_t i = 0; i < SL_ARRAY_LEN(keys); i++) {
		const char *value = api_body_text(call, keys[i]);

		if (!value)
			continue;
		if (order->what[0])
			return problem_add(&call->problem, SL_EINVAL, "/step",
			                   "ask for each on its own",
			                   "a client, a server or a domain, not two of them");
		order->what = keys[i];
		order->value = value;
	}
	return 0;
}

static enum remote_panic_step step_of(const struct api_call *call)
{
	const char *name = api_body_text(call, "step");
	enum remote_panic_step step = REMOTE_PANIC_EXCEPT;

	while (step < REMOTE_PANIC_END && name && strcmp(remote_panic_name(step), name) != 0)
		step++;
	return step;
}

int api_panic_ask(struct api_call *call)
{
	struct panic_order order = {
	        .step = step_of(call),
	        .what = "",
	        .value = "",
	        .minutes = (unsigned)json_integer_value(json_object_get(call->body, "minutes")),
	        .comment = api_body_text(call, "comment")};
	const char **names = NULL;
	int64_t id = 0;
	int rc = read_what(call, &order);

	if (rc == 0)
		rc = names_of(call, &names, &order.devices_count);
	order.devices = names;
	if (rc == 0)
		rc = panic_ask(call->context->push, &call->identity.actor, &order, &id,
		               &call->problem);
	free(names);
	return rc ? rc : answer_all(call, id);
}

int api_panic_clear(struct api_call *call)
{
	int64_t id = json_integer_value(json_object_get(call->body, "id"));
	const char **names = NULL;
	size_t count = 0;
	int rc = names_of(call, &names, &count);

	if (rc == 0)
		rc = panic_clear(call->context->push, &call->identity.actor, names, count, id,
		                 &call->problem);
	free(names);
	return rc ? rc : answer_all(call, 0);
}
