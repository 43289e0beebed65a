/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a distribution is for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "smsd/base/problem.h"
#include "smsd/push/push_priv.h"

int push_failed(int code, struct problem *problem)
{
	return problem->code ? problem->code
	                     : problem_add(problem, code, "", "", "%s", err_text(code));
}

int target_add(struct target_list *targets, int64_t id, const char *name)
{
	if (targets->count == targets->size) {
		size_t size = targets->size ? 2 * targets->size : 16;
		struct target *list = realloc(targets->list, size * sizeof(*list));

		if (!list)
			return SL_ENOMEM;
		targets->list = list;
		targets->size = size;
	}
	targets->list[targets->count].id = id;
	(void)snprintf(targets->list[targets->count].name, DEVICE_NAME_MAX, "%s", name);
	targets->count++;
	return 0;
}

static int take_each(void *arg, const struct store_row *row)
{
	return target_add(arg, store_row_integer(row, 0), store_row_text(row, 1));
}

static int take_named(void *arg, const struct store_row *row)
{
	struct target_list *targets = arg;

	targets->found = store_row_integer(row, 0);
	targets->enrolled = strcmp(store_row_text(row, 1), device_state_name(DEVICE_ENROLLED)) == 0;
	return 1;
}

static int add_named(struct store *store, struct target_list *targets, size_t at, const char *name,
                     struct problem *problem)
{
	const struct store_value value = store_text(name);
	char pointer[32];
	int rc;

	(void)snprintf(pointer, sizeof(pointer), "/devices/%zu", at);
	targets->found = 0;
	rc = store_read(store, STORE_PUSH_DEVICE, &value, 1, take_named, targets);
	if (rc < 0)
		return rc;
	if (targets->found == 0)
		return problem_add(problem, SL_ENOENT, pointer,
		                   "sms list device shows those there are",
		                   "there is no device \"%.64s\"", name);
	if (!targets->enrolled)
		return problem_add(problem, SL_EINVAL, pointer, "enrol it first",
		                   "the device \"%.64s\" is not enrolled", name);
	for (size_t i = 0; i < targets->count; i++)
		if (targets->list[i].id == targets->found)
			return problem_add(problem, SL_EINVAL, pointer, "name each once",
			                   "the device \"%.64s\" is named twice", name);
	return target_add(targets, targets->found, name);
}

int push_targets(struct push *push, const struct push_options *options, struct target **ret_targets,
                 size_t *ret_count, struct problem *problem)
{
	struct target_list targets = {0};
	int rc = 0;

	if (options->devices_count == 0)
		rc = store_read(push->store, STORE_PUSH_DEVICES, NULL, 0, take_each, &targets);
	for (size_t i = 0; rc >= 0 && i < options->devices_count; i++)
		rc = add_named(push->store, &targets, i, options->devices[i], problem);
	if (rc >= 0 && targets.count == 0)
		rc = problem_add(problem, SL_EINVAL, "/devices", "enrol one first",
		                 "there is no device to distribute to");
	if (rc < 0) {
		free(targets.list);
		return push_failed(rc, problem);
	}
	*ret_targets = targets.list;
	*ret_count = targets.count;
	return 0;
}
